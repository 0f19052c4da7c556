"""Axes from files: the rows that an axis asks for, typed, chosen and named by their key; their order means nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kling_batch.job import Json
from kling_batch.manifest.bounds import RefusedError
from kling_batch.manifest.complaints import Complaints
from kling_batch.manifest.faults import placed
from kling_batch.manifest.folder import Folder
from kling_batch.manifest.names import folded, name_fault, scalar_name, shortened
from kling_batch.manifest.tables import Row, at_line, read_table
from kling_batch.manifest.template import Fault, Template, Templates
from kling_batch.manifest.tree import mapping
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.document import Path
from kling_batch.text.plain import plain
from kling_batch.text.render import did_you_mean
from kling_batch.text.source import Source

NamedRows = Mapping[str, Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """An axis map as it is written, and the file that it names."""

    entry: "dict[str, Json]"
    path: Path
    source: Source

    @property
    def key(self) -> str:
        return str(self.entry.get("key"))


class Rows:
    """Reads the rows of axes below one manifest's folder."""

    def __init__(self, folder: Folder, templates: Templates, complaints: Complaints) -> None:
        self._folder = folder
        self._templates = templates
        self._complaints = complaints

    def read(self, entry: "dict[str, Json]", path: Path) -> NamedRows | None:
        """Return the rows that an axis map at a path asks for, by name; `None` once it is told why there are none."""
        try:
            source = self._folder.source(str(entry.get("from")))
        except RefusedError as error:
            self._complaints.at((*path, "from"), error.code, plain(error.message), remedy=error.remedy)
            return None
        table = read_table(source)
        if table is None:
            remedy = "the ending of its name says which of csv, jsonl, json and yaml it is"
            self._complaints.at((*path, "from"), "table-kind", "this is no file that rows are read from", remedy=remedy)
            return None
        return self._chosen(_Asked(entry=entry, path=path, source=source), *table)

    def _chosen(self, asked: _Asked, rows: Sequence[Row], told: Iterable[Diagnostic]) -> NamedRows | None:
        before = len(self._complaints.told)
        self._complaints.told.extend(told)
        typed = [self._typed(asked, row) for row in rows]
        sound = len(self._complaints.told) == before or "where" not in asked.entry
        wanted = self._wanted(asked, typed) if sound else []
        named = self._named(asked, wanted)
        if len(self._complaints.told) > before:
            return None
        if not named:
            where = "where" in asked.entry and bool(rows)
            message = "no row passes `where`" if where else f"`{plain(asked.source.name)}` has no rows"
            self._complaints.at((*asked.path, "where" if where else "from"), "axis-empty", message)
        return named or None

    def _typed(self, asked: _Asked, row: Row) -> Row:
        cells = dict(row.cells)
        for column, kind in mapping(asked.entry.get("types")).items():
            cell = cells.get(column)
            if not isinstance(cell, str):
                continue
            try:
                cells[column] = _TYPES[str(kind)](cell.strip())
            except (ValueError, KeyError):
                message = f"row {row.number}: `{plain(cell)[:60]}` in the column `{plain(column)}` is no {kind}"
                self._complaints.told.append(at_line(asked.source, row.number, "table-type", message))
        return replace(row, cells=cells)

    def _wanted(self, asked: _Asked, rows: Sequence[Row]) -> list[Row]:
        """Return the rows for which `where` is true; the first one that it fails for is told."""
        where = asked.entry.get("where")
        if not isinstance(where, str):
            return list(rows)
        template = self._templates.compile("{{" + where + "}}")
        if isinstance(template, Template) and not template.native:
            template = Fault(code="template-syntax", message="`where` is one expression, without braces")
        wanted = []
        for row in rows:
            answer = template if isinstance(template, Fault) else self._templates.render(template, {**row.cells})
            if isinstance(answer, Fault):
                self._tell_where(asked, row, answer)
                return []
            if answer:
                wanted.append(row)
        return wanted

    def _tell_where(self, asked: _Asked, row: Row, fault: Fault) -> None:
        found = placed(fault, self._complaints.document, (*asked.path, "where"), self._folder)
        label = f"{found.label} " if found.label else ""
        label += f"in row {row.number} of `{plain(asked.source.name)}`"
        self._complaints.on(found.span, found.code, found.message, label=label, remedy=found.remedy)

    def _named(self, asked: _Asked, rows: Iterable[Row]) -> dict[str, Row]:
        named: dict[str, Row] = {}
        lines: dict[str, int] = {}
        for row in rows:
            if asked.key not in row.cells:
                self._tell_no_key(asked, row)
                return {}
            name = self._name(asked, row)
            if name is None:
                continue
            first = lines.setdefault(folded(name), row.number)
            if first != row.number:
                message = f"row {row.number} has the key `{name}`, and so has row {first}"
                self._complaints.told.append(at_line(asked.source, row.number, "row-double", message))
            named[name] = row
        return dict(sorted(named.items()))

    def _tell_no_key(self, asked: _Asked, row: Row) -> None:
        columns = list(row.cells)
        meant = did_you_mean(asked.key, columns)
        label = f"did you mean `{meant}`?" if meant else ""
        message = f"row {row.number} of `{plain(asked.source.name)}` has no column `{plain(asked.key)}`"
        remedy = f"its columns are {shortened(columns)}"
        self._complaints.at((*asked.path, "key"), "row-key", message, label=label, remedy=remedy)

    def _name(self, asked: _Asked, row: Row) -> str | None:
        cell = row.cells[asked.key]
        scalar = not isinstance(cell, dict | list)
        name = scalar_name(cell) if scalar and cell is not None and str(cell).strip() else ""
        fault = name_fault(name)
        if fault is None:
            return name
        message = f"row {row.number}: the key `{plain(asked.key)}` {fault}"
        self._complaints.told.append(at_line(asked.source, row.number, "row-key", message))
        return None


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text]


_TYPES: Mapping[str, Callable[[str], "Json"]] = {"string": str, "integer": int, "number": float, "boolean": _boolean}
