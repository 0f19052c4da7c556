"""A diagnostic as people see it: the whole form with the source line under it, and the one-line form for machines."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from kling_batch.text.diagnostic import Diagnostic, Severity
from kling_batch.text.plain import cells, plain
from kling_batch.text.source import Span

_ROOM = 100  # cells of a source line that are shown; a prompt may have thousands
_BEFORE = 40  # and as many of them at most stand before the caret
_TAB = " " * 4
_MOST_WORD = 80  # difflib's time grows with the square of what it compares

_RESET = "\x1b[0m"
_RED, _YELLOW, _BLUE, _BOLD = "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m"


def render(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """Return a diagnostic with the line it points at, without a line end; `color` adds terminal colors."""
    lines = [_head(diagnostic, color=color)]
    gutter = " "
    if diagnostic.span is not None:
        gutter = " " * len(str(diagnostic.span.position[0]))
        lines += _pointed(diagnostic.span, diagnostic.label, _tone(diagnostic), color=color)
    elif diagnostic.place:
        lines.append(f" {_paint('-->', _BLUE, color=color)} {plain(diagnostic.place)}")
    if diagnostic.help:
        lines += [_paint(f"{gutter} |", _BLUE, color=color)] if diagnostic.span is not None else []
        sign, word = _paint(f"{gutter} =", _BLUE, color=color), _paint("help:", _BOLD, color=color)
        lines.append(f"{sign} {word} {plain(diagnostic.help)}")
    return "\n".join(lines)


def render_all(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """Return several diagnostics, an empty line between them, ready to be printed with a line end."""
    return "\n\n".join(render(each, color=color) for each in diagnostics)


def concise(diagnostic: Diagnostic) -> str:
    """Return a diagnostic on one line: `file:line:col: error[code]: message`."""
    place = str(diagnostic.span) if diagnostic.span is not None else diagnostic.place
    start = f"{place}: " if place else ""
    return plain(f"{start}{diagnostic.severity.value}[{diagnostic.code}]: {diagnostic.message}")


def did_you_mean(word: str, known: Collection[str]) -> str | None:
    """Return the known word that is nearest to one that is not known, or `None` if none is near."""
    by_fold = {each.casefold(): each for each in known}
    found = get_close_matches(word[:_MOST_WORD].casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return words for a sentence, each in backticks: `a`, `b` and `c`."""
    *most, final = [f"`{each}`" for each in words]
    return f"{', '.join(most)} {last} {final}" if most else final


def _head(diagnostic: Diagnostic, *, color: bool) -> str:
    kind = _paint(f"{diagnostic.severity.value}[{diagnostic.code}]", _tone(diagnostic), color=color)
    return f"{kind}: {_paint(plain(diagnostic.message), _BOLD, color=color)}"


def _tone(diagnostic: Diagnostic) -> str:
    return _RED if diagnostic.severity is Severity.ERROR else _YELLOW


def _paint(text: str, tone: str, *, color: bool) -> str:
    return f"{tone}{text}{_RESET}" if color else text


def _pointed(span: Span, label: str, tone: str, *, color: bool) -> list[str]:
    number, column = span.position
    shown, before, marked = _window(span.source.line(number), column - 1, span.end - span.start)
    carets = _paint("^" * marked + (f" {plain(label)}" if label else ""), tone, color=color)
    gutter = " " * len(str(number))
    bar = _paint(f"{gutter} |", _BLUE, color=color)
    return [
        f"{gutter}{_paint('-->', _BLUE, color=color)} {plain(str(span))}",
        bar,
        f"{_paint(f'{number} |', _BLUE, color=color)} {shown}".rstrip(),
        f"{bar} {' ' * before}{carets}",
    ]


def _window(line: str, start: int, length: int) -> tuple[str, int, int]:
    """Return what is shown of a line, the cells before the caret, and the cells that the carets fill."""
    nearest = max(start - _ROOM, 0)
    line = line[nearest : start + _ROOM + 1]
    start -= nearest
    pieces = [_TAB if character == "\t" else plain(character) for character in line]
    widths = [
        cell if piece == character else len(piece)
        for piece, character, cell in zip(pieces, line, cells(line), strict=True)
    ]
    first, last = _view(widths, start)
    lead = "…" if nearest + first else ""
    tail = "…" if last < len(pieces) else ""
    end = min(start + max(length, 1), last)
    return (
        lead + "".join(pieces[first:last]) + tail,
        len(lead) + sum(widths[first:start]),
        max(sum(widths[start:end]), 1),
    )


def _view(widths: list[int], start: int) -> tuple[int, int]:
    """Return the part of a line that fits, from some way before the caret on."""
    first = 0
    while sum(widths) > _ROOM and sum(widths[first:start]) > _BEFORE:
        first += 1
    last, room = first, _ROOM
    while last < len(widths) and widths[last] <= room:
        room -= widths[last]
        last += 1
    return first, last
