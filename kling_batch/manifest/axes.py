"""The axes of a shot: what each value is called in keys, and what it is in templates."""

from dataclasses import dataclass, replace

from kling_batch.job import Json
from kling_batch.manifest.complaints import Complaints
from kling_batch.manifest.names import RESERVED, folded, name_fault, scalar_name, shortened
from kling_batch.manifest.rows import Rows
from kling_batch.manifest.tree import sequence
from kling_batch.text.document import Path
from kling_batch.text.plain import plain
from kling_batch.text.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of an axis: written at `path` in the manifest, or at `row` in a file."""

    name: str
    value: "Json"
    path: "Path | None"
    row: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis and its values in order; the `default` value's name is left out of keys.

    `open_ended` axes are lists of scalars, to which `include` may bring a new one; `from_file` ones have no order.
    """

    name: str
    path: Path
    values: tuple[Value, ...]
    default: str | None = None
    open_ended: bool = False
    from_file: bool = False

    def find(self, name: str) -> Value | None:
        """Return the value of a name."""
        return next((value for value in self.values if value.name == name), None)


def read_axis(name: str, value: "Json", path: Path, rows: Rows, complaints: Complaints) -> Axis | None:
    """Return an axis as it is written under `matrix:`, or `None` where its values cannot be had."""
    if (fault := name_fault(name)) is not None:
        complaints.at_key(path, "axis-name", f"the axis `{plain(name)}` {fault}")
    elif name in RESERVED or name.startswith("__"):
        complaints.at_key(
            path, "axis-name", f"`{name}` means something in templates already", remedy="name the axis otherwise"
        )
    match value:
        case dict() if "from" in value:
            return _from_file(name, value, path, rows, complaints)
        case dict() if "values" in value:
            axis = _inline(name, value["values"], (*path, "values"), complaints)
            return _defaulted(axis, value.get("default"), path, complaints)
        case _:
            return _inline(name, value, path, complaints)


def _inline(name: str, value: "Json", path: Path, complaints: Complaints) -> Axis:
    match value:
        case dict():
            values = tuple(Value(name=key, value=item, path=(*path, key)) for key, item in value.items())
        case _:
            items = enumerate(sequence(value))
            values = tuple(Value(name=scalar_name(item), value=item, path=(*path, at)) for at, item in items)
    axis = Axis(name=name, path=path, values=values, open_ended=isinstance(value, list))
    _check_values(axis, complaints)
    return axis


def _check_values(axis: Axis, complaints: Complaints) -> None:
    seen: dict[str, str] = {}
    for value in axis.values:
        place = value.path or axis.path
        if (fault := name_fault(value.name)) is not None:
            message = f"the value's name `{plain(value.name)[:80]}` {fault}"
            complaints.at_key(place, "axis-name", message, remedy="write the axis as a map from short names to values")
        elif folded(value.name) in seen:
            first = seen[folded(value.name)]
            complaints.at_key(place, "axis-double", _twice(axis, value.name, first), remedy=_DIFFER)
        seen.setdefault(folded(value.name), value.name)


_DIFFER = "each value has a name of its own, different in more than case; a map gives names to values"


def _twice(axis: Axis, name: str, first: str) -> str:
    if name == first:
        return f"two values of `{axis.name}` have the name `{name}`"
    return f"the values `{name}` and `{first}` of `{axis.name}` have names that some file systems hold for one"


def _defaulted(axis: Axis, default: "Json", path: Path, complaints: Complaints) -> Axis:
    if default is None:
        return axis
    name = default if isinstance(default, str) and axis.find(default) else scalar_name(default)
    if axis.find(name) is None:
        known = shortened([value.name for value in axis.values])
        complaints.at(
            (*path, "default"),
            "axis-default",
            f"`{plain(name)}` is not a value of `{axis.name}`",
            remedy=f"its values are {known}",
        )
        return axis
    return replace(axis, default=name)


def _from_file(name: str, entry: dict[str, "Json"], path: Path, rows: Rows, complaints: Complaints) -> Axis | None:
    found = rows.read(entry, path)
    if found is None:
        return None
    values = tuple(Value(name=name, value=row.cells, path=None, row=row.span) for name, row in found.items())
    axis = Axis(name=name, path=path, values=values, from_file=True)
    return _defaulted(axis, entry.get("default"), path, complaints)
