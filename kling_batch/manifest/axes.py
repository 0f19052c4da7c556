"""The axes of a shot: what each value is called in keys, and what it is in templates."""

from collections.abc import Sequence
from dataclasses import dataclass

from kling_batch.job import Json
from kling_batch.manifest.bounds import RefusedError
from kling_batch.manifest.complaints import Complaints
from kling_batch.manifest.names import RESERVED, doubled, name_fault, scalar_name
from kling_batch.manifest.rows import Row, Rows
from kling_batch.manifest.tree import mapping, sequence
from kling_batch.text.document import Path
from kling_batch.text.plain import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of an axis. `path` is where it is written, `None` for a row of a file."""

    name: str
    value: "Json"
    path: "Path | None"


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
    elif name in RESERVED:
        complaints.at_key(
            path, "axis-name", f"`{name}` means something in templates already", remedy="name the axis otherwise"
        )
    match value:
        case {"from": _}:
            return _from_file(name, value, path, rows, complaints)
        case {"values": values}:
            axis = _inline(name, values, (*path, "values"), complaints)
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
    if not axis.values:
        complaints.at(
            axis.path, "axis-empty", f"the axis `{axis.name}` has no values", remedy="give it one, or leave it out"
        )
    for value in axis.values:
        assert value.path is not None
        if axis.open_ended and isinstance(value.value, dict | list):
            remedy = f"write `{axis.name}:` as a map from names to values"
            complaints.at(value.path, "axis-value", "a map or list as a value of an axis needs a name", remedy=remedy)
        elif (fault := name_fault(value.name)) is not None:
            remedy = "write the axis as a map from short names to values"
            complaints.at_key(
                value.path, "axis-name", f"the value's name `{plain(value.name)[:80]}` {fault}", remedy=remedy
            )
    twice = dict(doubled(value.name for value in axis.values))
    for value in axis.values:
        if value.name in twice and value.name != twice[value.name] or _again(axis.values, value):
            first = twice.get(value.name, value.name)
            complaints.at_key(value.path or axis.path, "axis-double", _twice(axis, value.name, first), remedy=_NAMES)


_NAMES = "names differ in more than case; write the axis as a map to name its values yourself"


def _again(values: Sequence[Value], value: Value) -> bool:
    return next(each for each in values if each.name == value.name) is not value


def _twice(axis: Axis, name: str, first: str) -> str:
    return (
        f"two values of `{axis.name}` have the name `{name}`"
        if name == first
        else f"`{name}` and `{first}` are one name"
    )


def _defaulted(axis: Axis, default: "Json", path: Path, complaints: Complaints) -> Axis:
    if default is None:
        return axis
    name = default if isinstance(default, str) and axis.find(default) else scalar_name(default)
    if axis.find(name) is None:
        known = ", ".join(f"`{value.name}`" for value in axis.values[:20])
        complaints.at(
            (*path, "default"),
            "axis-default",
            f"`{plain(name)}` is not a value of `{axis.name}`",
            remedy=f"its values are {known}",
        )
        return axis
    return Axis(
        name=axis.name,
        path=axis.path,
        values=axis.values,
        default=name,
        open_ended=axis.open_ended,
        from_file=axis.from_file,
    )


def _from_file(name: str, entry: dict[str, "Json"], path: Path, rows: Rows, complaints: Complaints) -> Axis | None:
    found = rows.read(entry, path, complaints)
    if found is None:
        return None
    values = tuple(Value(name=row.name, value=row.value, path=None) for row in sorted(found, key=_row_name))
    axis = Axis(name=name, path=path, values=values, from_file=True)
    return _defaulted(axis, entry.get("default"), path, complaints)


def _row_name(row: Row) -> str:
    return row.name
