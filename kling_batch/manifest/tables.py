"""The files that axes are read from: csv, jsonl, json or yaml, each a list of rows with the line where it begins."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from kling_batch.job import Json
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.document import parse
from kling_batch.text.plain import plain
from kling_batch.text.source import Source, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The cells of one row by column, what to call it (its line, or its place in a JSON list), and where it is."""

    number: int
    cells: "dict[str, Json]"
    span: Span


Table = tuple[tuple[Row, ...], tuple[Diagnostic, ...]]


def read_table(source: Source) -> Table | None:
    """Return the rows of a data file, or what is wrong with them; `None` if its name has none of the four endings."""
    reader = _READERS.get(source.name.rpartition(".")[2].lower())
    if reader is None:
        return None
    rows, told = [], []
    for each in reader(source):
        if isinstance(each, Row):
            rows.append(each)
        else:
            told.append(each)
    return tuple(rows), tuple(told)


def at_line(source: Source, line: int, code: str, message: str, remedy: str = "") -> Diagnostic:
    """Return a complaint about one line of a data file."""
    return Diagnostic(code=code, message=message, span=_line(source, line), help=remedy)


def _line(source: Source, line: int) -> Span:
    starts = _starts(source.text)
    number = min(max(line, 1), len(starts))
    start = starts[number - 1]
    return Span(source=source, start=start, end=start + max(len(source.line(number)), 1))


@lru_cache(maxsize=1)
def _starts(text: str) -> list[int]:
    return [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]


_OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What spreadsheets put between columns in place of commas."""


def _csv(source: Source) -> Iterator[Row | Diagnostic]:
    reader = csv.reader(io.StringIO(source.text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(header) == 1 and (wrong := next((each for each in _OTHERS if each in header[0]), "")):
            message = f"the first line has one column, `{plain(header[0])}`, and {_OTHERS[wrong]} in it"
            yield at_line(source, 1, "table-header", message, "a csv file has commas between its columns")
            return
        if not all(header) or len(set(header)) != len(header) or not header:
            yield at_line(source, 1, "table-header", "the first line of a csv file names its columns, each once")
            return
        begins = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                message = f"row {begins} has {len(cells)} cells, and there are {len(header)} columns"
                yield at_line(source, begins, "table-row", message, "a cell with a comma in it stands in quotes")
            elif cells:
                row: dict[str, Json] = dict(zip(header, cells, strict=True))
                yield Row(number=begins, cells=row, span=_line(source, begins))
            begins = reader.line_num + 1
    except csv.Error as error:
        yield at_line(source, reader.line_num, "table-syntax", f"this is no csv: {error}")


def _jsonl(source: Source) -> Iterator[Row | Diagnostic]:
    for line, text in enumerate(source.text.split("\n"), 1):
        if text.strip():
            value = _loaded(source, text, line)
            yield value if isinstance(value, Diagnostic) else _row(source, line, value)


def _json(source: Source) -> Iterator[Row | Diagnostic]:
    value = _loaded(source, source.text, 1)
    if isinstance(value, Diagnostic):
        yield value
    elif isinstance(value, list):
        for number, row in enumerate(value, 1):
            yield _row(source, number, row, at=1)
    else:
        yield at_line(
            source, 1, "table-syntax", "this is no list of rows", "write `[{...}, {...}]`, a map for each row"
        )


def _yaml(source: Source) -> Iterator[Row | Diagnostic]:
    document, told = parse(source, root="collection")
    yield from told
    match document.value if document else []:
        case list() as rows:
            for number, row in enumerate(rows):
                line = document.span((number,)).position[0] if document else 1
                yield _row(source, line, row)
        case _:
            yield at_line(source, 1, "table-syntax", "this is no list of rows", "begin each row with `- `")


def _loaded(source: Source, text: str, line: int) -> "Json | Diagnostic":
    try:
        value: Json = json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        return at_line(source, line + error.lineno - 1, "table-syntax", f"this is no JSON: {error.msg.lower()}")
    except (ValueError, RecursionError):
        return at_line(source, line, "table-syntax", "this JSON is nested too deep, or has a number that is none")
    return value


def _no_number(text: str) -> "Json":
    raise ValueError(text)


def _row(source: Source, number: int, value: "Json", at: int | None = None) -> Row | Diagnostic:
    if isinstance(value, dict):
        return Row(number=number, cells=value, span=_line(source, at or number))
    return at_line(source, at or number, "table-row", f"row {number} is no map from columns to cells")


_READERS: Mapping[str, Callable[[Source], Iterator[Row | Diagnostic]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "json": _json,
    "yaml": _yaml,
    "yml": _yaml,
}
