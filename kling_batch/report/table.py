"""Rows of text under each other, by the width that a terminal gives them; and cells that other programs read."""

import csv
import io
from collections.abc import Collection, Iterable, Sequence

from kling_batch.text.guard import UNSAFE
from kling_batch.text.plain import cells, plain

FORMULA = ("=", "+", "-", "@", "\t", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # also the wide ones


def aligned(rows: Sequence[Sequence[str]], *, right: Collection[int] = (), indent: str = "") -> list[str]:
    """Return rows as lines, their columns two spaces apart; the columns in `right` end under each other."""
    shown = [[plain(cell) for cell in row] for row in rows]
    columns = max((len(row) for row in shown), default=0)
    widths = [max(_width(row[at]) for row in shown if at < len(row)) for at in range(columns)]
    return [
        indent + "  ".join(_padded(cell, widths[at], to_right=at in right) for at, cell in enumerate(row)).rstrip()
        for row in shown
    ]


def _padded(cell: str, columns: int, *, to_right: bool) -> str:
    space = " " * (columns - _width(cell))
    return space + cell if to_right else cell + space


def _width(text: str) -> int:
    return sum(cells(text))


def comma_separated(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV in which no cell is a formula: a spreadsheet would run what a prompt says (CWE-1236).

    Nor does a cell act on a terminal; what would is an escape.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([_inert(cell) for cell in row] for row in (header, *rows))
    return out.getvalue()


def _inert(cell: str) -> str:
    lines = cell.replace("\r\n", "\n").replace("\r", "\n")  # csv leaves a bare `\r` unquoted, which ends a row
    told = UNSAFE.sub(lambda found: plain(found[0]), lines)
    return f"'{told}" if told.startswith(FORMULA) else told
