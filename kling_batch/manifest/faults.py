"""A template's fault becomes a diagnostic: the inner line of the leaf or file, and what could have been meant."""

import re
from dataclasses import dataclass

from kling_batch.manifest.bounds import RefusedError
from kling_batch.manifest.folder import Folder
from kling_batch.manifest.names import shortened
from kling_batch.manifest.template import Fault
from kling_batch.text.document import Document, Path
from kling_batch.text.plain import plain
from kling_batch.text.render import did_you_mean
from kling_batch.text.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A fault with its place, and the words of a diagnostic."""

    span: Span
    code: str
    message: str
    label: str
    remedy: str


def placed(fault: Fault, document: Document, path: Path, folder: Folder) -> Placed:
    """Return a fault with its place: inside the leaf at `path`, or inside the file that it was met in."""
    label, remedy = meant(fault)
    span = _span(fault, document, path, folder)
    return Placed(span=span, code=fault.code, message=plain(fault.message), label=label, remedy=remedy or fault.remedy)


def refused(error: RefusedError) -> Fault:
    """Return what a refusal outside of any template says, as a fault of the whole leaf."""
    return Fault(code=error.code, message=error.message, word=error.word, remedy=error.remedy)


def meant(fault: Fault) -> tuple[str, str]:
    """Return label and help of a fault: for an unknown name the one that could have been meant, and all that are."""
    if fault.code != "undefined-name":
        return "", ""
    near = did_you_mean(fault.word, fault.known)
    known = sorted(name for name in fault.known if not name.startswith("_"))
    remedy = f"known here: {shortened(known)}" if known else ""
    return f"did you mean `{near}`?" if near else "", remedy


def _span(fault: Fault, document: Document, path: Path, folder: Folder) -> Span:
    if fault.file:
        source = folder.source(fault.file)
        start, end = locate(source.text, fault.line, fault.word)
        return Span(source=source, start=start, end=end)
    value = document.value
    for step in path:
        match value, step:
            case dict(), str():
                value = value[step]
            case list(), int():
                value = value[step]
            case _:
                return document.span(path)
    start, end = locate(str(value), fault.line, fault.word)
    return document.within(path, start, max(end - start, 1))


def locate(text: str, line: int, word: str) -> tuple[int, int]:
    """Return where in a text to point at: the word in that line, else its first tag, else the line."""
    lines = text.split("\n")
    number = min(max(line, 1), len(lines)) - 1
    start, own = sum(len(each) + 1 for each in lines[:number]), lines[number]
    is_name = word.replace(".", "_").isidentifier()  # a name is not to be found inside of another one
    wanted = rf"(?<!\w){re.escape(word)}(?!\w)" if is_name else re.escape(word)
    if word and (found := re.search(wanted, own)):
        return start + found.start(), start + found.end()
    if found := re.search(r"\{[{%#](.*?[}%#]\})?", own):
        return start + found.start(), start + found.end()
    return start + len(own) - len(own.lstrip()), start + len(own.rstrip())
