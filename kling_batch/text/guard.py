"""What no text here may hold, found before a parser sees it: size, invisible characters, marks of a git conflict."""

import re
import unicodedata
from collections.abc import Iterator

from kling_batch.text.decode import MAX_BYTES
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source, Span

UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls
    "\u2028\u2029"  # line breaks for some readers of YAML and text for others
    "\u202a-\u202e\u2066-\u2069"  # what makes code read other than it runs (CVE-2021-42574)
    "\ufeff\ufffe\uffff\ud800-\udfff"  # marks and half characters
    "]|\r(?!\n)"
)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CONFLICT = re.compile(r"^<{7}(?: .*)?$", re.MULTILINE)
_MOST = 20
"""How many characters are told one by one; a binary file holds thousands."""


def inspect(source: Source) -> Iterator[Diagnostic]:
    """Yield what is wrong with a text as a whole; offsets stay as they are."""
    if len(source.text) > MAX_BYTES:
        yield Diagnostic(
            code="too-large", message=f"the text has more than {MAX_BYTES:,} characters", place=f"{source.name}:1:1"
        )
    for found, _ in zip(UNSAFE.finditer(source.text), range(_MOST), strict=False):
        yield unsafe(Span(source=source, start=found.start(), end=found.end()), found[0])
    if conflict := _CONFLICT.search(source.text):
        yield Diagnostic(
            code="conflict-marker",
            message="git left both sides of a merge here",
            span=Span(source=source, start=conflict.start(), end=conflict.end()),
            help="keep one of the sides, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`",
        )


def unsafe(span: Span, character: str) -> Diagnostic:
    """Return the complaint about one character that `UNSAFE` finds."""
    point = f"U+{ord(character):04X}"
    if _BIDI.match(character):
        return Diagnostic(
            code="bidi-control",
            message=f"{point} makes text read in another order than it stands here",
            span=span,
            label=unicodedata.name(character).lower(),
            help="remove it; text from right to left needs no such mark",
        )
    return Diagnostic(
        code="control-character",
        message=f"{point} is a character that no text here may hold",
        span=span,
        label=unicodedata.name(character, "control character").lower(),
        help="remove it; the only controls in a text are tabs and line ends",
    )
