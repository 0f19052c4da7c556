"""Where each character of a scalar's value stands in the source: YAML's quoting, folding and chomping, read backwards.

The rules are those of YAML 1.2.2, chapters 7.3 and 8.1, in the order in which libyaml applies them.
"""

import re
from collections.abc import Iterable

from kling_batch.text.node import Scalar

_WHITE = re.compile(r"[ \t\r\n]+")
_BREAK = re.compile(r"\r?\n")
_ESCAPE = re.compile(r"\\(?:(\r?\n)[ \t]*|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_BLANK = (" ", "\t")


def offsets(raw: str, style: str, text: str) -> list[int]:
    """Return, for each character of a scalar's text and for its end, its offset in the raw source of the scalar.

    `style` is YAML's indicator: empty for plain, `'`, `"`, `|` or `>`.
    """
    places = _block(raw, style, text) if style in {"|", ">"} else _flow(raw, style)
    missing = len(text) + 1 - len(places)
    return [*places, *[len(raw)] * missing][: len(text) + 1]


def stretch(source: str, scalar: Scalar, offset: int, length: int) -> tuple[int, int]:
    """Return where a part of a scalar's text stands in the source, as offsets; at least one character of it."""
    places = offsets(source[scalar.start : scalar.end], scalar.style, scalar.text)
    first = min(max(offset, 0), len(scalar.text))
    last = min(first + max(length, 1), len(scalar.text)) - 1
    start = scalar.start + places[first]
    if last < first:
        return start, start
    final, end = scalar.start + places[last], scalar.start + places[last + 1]
    own, line_break, _ = source[final:end].partition("\n")  # before a break the last character ends where it does
    return start, final + max(1, len(own.rstrip())) if line_break else end


def _flow(raw: str, style: str) -> list[int]:
    at, end = (1, len(raw) - 1) if style else (0, len(raw))
    places: list[int] = []
    while at < end:
        if style == '"' and (escape := _ESCAPE.match(raw, at)):
            places += [] if escape[1] else [at]
            at = escape.end()
        elif style == "'" and raw.startswith("''", at):
            places.append(at)
            at += 2
        elif white := _WHITE.match(raw, at, end):
            places += _folded(raw, at, white.end())
            at = white.end()
        else:
            places.append(at)
            at += 1
    return [*places, end]


def _folded(raw: str, start: int, end: int) -> Iterable[int]:
    """Return the places of white space: blanks stay, one break is a space, of more breaks the first is dropped."""
    breaks = [found.start() for found in _BREAK.finditer(raw, start, end)]
    return breaks[1:] or breaks or range(start, end)


def _block(raw: str, style: str, text: str) -> list[int]:
    indent = _indent(raw, text)
    places: list[int] = []
    pending: int | None = None  # the break at the end of the last line with content
    empty: list[int] = []  # the breaks of the empty lines after it
    was_blank = False
    start = raw.find("\n") + 1 or len(raw)
    for line in raw[start:].splitlines(keepends=True):
        content, end = _content(line, indent), start + len(line.rstrip("\r\n"))
        start += len(line)
        if not content:
            empty.append(end)
            continue
        is_blank = content.startswith(_BLANK)
        folds = style == ">" and not was_blank and not is_blank and empty
        places += [] if pending is None or folds else [pending]
        places += [*empty, *range(end - len(content), end)]
        pending, empty, was_blank = end, [], is_blank
    return [*places, *([] if pending is None else [pending]), *empty]


def _content(line: str, indent: int) -> str:
    spaces = len(line) - len(line.lstrip(" "))
    return line.rstrip("\r\n")[min(spaces, indent) :]


def _indent(raw: str, text: str) -> int:
    """Return the spaces that are not part of the value: those of the first line with words, less what it kept."""
    said = next((line for line in text.split("\n") if line.strip()), "")
    written = next((line for line in raw.split("\n")[1:] if line.strip()), "")
    return len(written) - len(written.lstrip(" ")) - (len(said) - len(said.lstrip(" ")))
