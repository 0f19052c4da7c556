"""Axes from files: the rows of a csv, jsonl, json or yaml file, each named by its key; their order means nothing."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kling_batch.job import Json
from kling_batch.manifest.bounds import RefusedError
from kling_batch.manifest.complaints import Complaints
from kling_batch.manifest.faults import placed
from kling_batch.manifest.folder import Folder
from kling_batch.manifest.names import folded, name_fault, scalar_name
from kling_batch.manifest.template import Fault, Templates
from kling_batch.manifest.tree import mapping
from kling_batch.text.document import Path, parse
from kling_batch.text.plain import plain
from kling_batch.text.render import did_you_mean, listed
from kling_batch.text.source import Source, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its name, its cells by column, and the line of the file where it begins."""

    name: str
    value: "dict[str, Json]"
    line: int


_Cells = tuple[int, "dict[str, Json]"]


class Rows:
    """Reads the files that axes name."""

    def __init__(self, folder: Folder, templates: Templates) -> None:
        self._folder = folder
        self._templates = templates

    def read(self, entry: "dict[str, Json]", path: Path, complaints: Complaints) -> tuple[Row, ...] | None:
        """Return the rows that an axis map (`from`, `key`, `where`, `types`) asks for; `None` where they cannot be had."""
        reading = _Reading(self._folder, self._templates, entry, path, complaints)
        return reading.rows()


class _Reading:
    def __init__(
        self, folder: Folder, templates: Templates, entry: "dict[str, Json]", path: Path, complaints: Complaints
    ) -> None:
        self._folder, self._templates, self._entry, self._path, self._complaints = (
            folder, templates, entry, path, complaints,
        )  # fmt: skip
        self._file = str(entry.get("from"))
        self._key = entry.get("key")
        self._source = Source(self._file, "")
        self._failed = False

    def rows(self) -> tuple[Row, ...] | None:
        try:
            self._source = self._folder.source(self._file)
        except RefusedError as error:
            self._complaints.at((*self._path, "from"), error.code, plain(error.message), remedy=error.remedy)
            return None
        if not isinstance(self._key, str):
            message = "an axis from a file needs `key:`, the column that names its rows"
            self._complaints.at_key(self._path, "axis-key", message, remedy="write `key: sku`, say")
            return None
        cells = [*self._cells()]
        if self._failed:
            return None
        cells = [self._typed(line, row) for line, row in cells]
        rows = self._named(row for row in cells if self._wanted(*row))
        if not rows and not self._failed:
            what = "no row passes `where`" if "where" in self._entry and cells else f"`{plain(self._file)}` has no rows"
            self._complaints.at((*self._path, "where" if "where" in self._entry else "from"), "axis-empty", what)
        return None if self._failed else rows

    def _tell(self, line: int, code: str, message: str, remedy: str = "") -> None:
        """Tell of a mistake in a row of the file; the row's line is its number to a reader."""
        self._failed = True
        last = self._source.text.count("\n") + 1
        text = self._source.line(min(line, last))
        start = sum(len(each) + 1 for each in self._source.text.split("\n")[: min(line, last) - 1])
        span = Span(source=self._source, start=start, end=start + max(len(text), 1))
        self._complaints.on(span, code, message, remedy=remedy)

    def _cells(self) -> Iterator[_Cells]:
        match self._file.rpartition(".")[2].lower():
            case "csv":
                return self._csv()
            case "jsonl":
                return self._jsonl()
            case "json":
                return self._json()
            case "yaml" | "yml":
                return self._yaml()
            case _:
                self._failed = True
                message = f"`{plain(self._file)}` is no csv, jsonl, json or yaml file"
                self._complaints.at(
                    (*self._path, "from"), "axis-file", message, remedy="the ending of the name decides"
                )
                return iter(())

    def _csv(self) -> Iterator[_Cells]:
        reader = csv.reader(io.StringIO(self._source.text, newline=""), strict=True)
        try:
            header = next(reader, [])
            if not header or len(set(header)) != len(header) or not all(each.strip() for each in header):
                self._tell(1, "axis-file", "the first line of a csv file names its columns, each once")
                return
            begins = reader.line_num + 1
            for row in reader:
                if row and len(row) != len(header):
                    message = f"row {begins} has {len(row)} cells, and there are {len(header)} columns"
                    self._tell(begins, "axis-row", message, "quote a cell that has a comma in it")
                elif row:
                    yield begins, dict(zip(header, row, strict=True))
                begins = reader.line_num + 1
        except csv.Error as error:
            self._tell(reader.line_num, "axis-file", f"this is not csv: {error}")

    def _jsonl(self) -> Iterator[_Cells]:
        for line, text in enumerate(self._source.text.split("\n"), 1):
            if text.strip():
                yield from self._objects([self._loaded(text, line)], line)

    def _json(self) -> Iterator[_Cells]:
        return self._objects(self._loaded(self._source.text, 1), None)

    def _loaded(self, text: str, line: int) -> "Json":
        try:
            value: Json = json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            at = line + error.lineno - 1 if isinstance(error, json.JSONDecodeError) else line
            self._tell(at, "axis-file", f"this is not JSON: {error}")
            return None
        return value

    def _yaml(self) -> Iterator[_Cells]:
        document, told = parse(self._source, root="collection")
        self._complaints.told.extend(told)
        self._failed = document is None
        return self._objects(document.value if document else None, None)

    def _objects(self, value: "Json", line: int | None) -> Iterator[_Cells]:
        if self._failed:
            return
        if not isinstance(value, list):
            self._tell(1, "axis-file", "this is no list of rows", "write a list of maps, one a row")
            return
        for number, row in enumerate(value, 1):
            if isinstance(row, dict):
                yield line or number, row
            else:
                self._tell(line or number, "axis-row", f"row {line or number} is no map of columns")

    def _typed(self, line: int, row: "dict[str, Json]") -> _Cells:
        types = mapping(self._entry.get("types"))
        made = dict(row)
        for column, kind in types.items():
            cell = row.get(column)
            if isinstance(cell, str):
                try:
                    made[column] = _TYPES[str(kind)](cell.strip())
                except (ValueError, KeyError):
                    self._tell(line, "axis-type", f"row {line}: `{plain(cell)[:60]}` in `{plain(column)}` is no {kind}")
        return line, made

    def _wanted(self, line: int, row: "dict[str, Json]") -> bool:
        where = self._entry.get("where")
        if not isinstance(where, str):
            return True
        template = self._templates.compile("{{" + where + "}}")
        answer = template if isinstance(template, Fault) else self._templates.render(template, dict(row))
        if isinstance(answer, Fault):
            if not self._failed:
                where_path = (*self._path, "where")
                fault = placed(answer, self._complaints.document, where_path, self._folder)
                message = f"{fault.message} (row {line} of `{plain(self._file)}`)"
                self._complaints.on(fault.span, fault.code, message, label=fault.label, remedy=fault.remedy)
            self._failed = True
            return False
        return bool(answer)

    def _named(self, rows: Iterator[_Cells]) -> tuple[Row, ...]:
        seen: dict[str, int] = {}
        named = []
        for line, row in rows:
            name = self._name(line, row)
            if name is None:
                continue
            first = seen.setdefault(folded(name), line)
            if first != line:
                self._tell(line, "axis-double", f"row {line} has the key `{name}` of row {first} again")
            named.append(Row(name=name, value=row, line=line))
        return tuple(named)

    def _name(self, line: int, row: Mapping[str, "Json"]) -> str | None:
        key = str(self._key)
        cell = row.get(key)
        if key not in row:
            meant = did_you_mean(key, list(row))
            columns = f"the columns are {listed(f'`{plain(each)}`' for each in row)}"
            if not self._failed:
                label = f"did you mean `{meant}`?" if meant else ""
                message = f"row {line} of `{plain(self._file)}` has no `{plain(key)}`"
                self._complaints.at((*self._path, "key"), "axis-key", message, label=label, remedy=columns)
            self._failed = True
        elif cell is None or isinstance(cell, dict | list) or not str(cell).strip():
            self._tell(line, "axis-key", f"row {line} has an empty key `{plain(key)}`")
        elif (fault := name_fault(scalar_name(cell))) is not None:
            self._tell(line, "axis-name", f"row {line}: the key `{plain(str(cell))[:80]}` {fault}")
        else:
            return scalar_name(cell)
        return None


def _no_number(text: str) -> "Json":
    raise ValueError(f"`{text}` is no number")


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text]


_TYPES: Mapping[str, Callable[[str], "Json"]] = {"string": str, "integer": int, "number": float, "boolean": _boolean}
