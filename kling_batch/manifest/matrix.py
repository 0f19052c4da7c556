"""The product of a shot's axes: zipped axes as one, rules applied in order, and never more than was allowed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from kling_batch.job import Json
from kling_batch.manifest.axes import Axis, Value
from kling_batch.manifest.complaints import Complaints
from kling_batch.manifest.rules import Combination, read_include, read_rule
from kling_batch.manifest.tree import sequence
from kling_batch.text.document import Path
from kling_batch.text.plain import plain
from kling_batch.text.render import did_you_mean

_Group = tuple[tuple[int, ...], int]
"""Axes that advance together, by index, and how many steps they have."""

EXPANDED = 200_000
"""The largest product that is expanded to see what rules leave of it; larger ones are refused by arithmetic alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A shot's axes and how they combine. `takes` counts as a last factor in the arithmetic."""

    axes: tuple[Axis, ...]
    groups: tuple[_Group, ...]
    takes: int

    @property
    def count(self) -> int:
        """How many jobs there are before any rule."""
        return math.prod(length for _, length in self.groups) * self.takes

    @property
    def arithmetic(self) -> str:
        """The same, as a person would work it out: `2 x 2 x 120 x 2 x 3 = 2880`."""
        factors = [*(length for _, length in self.groups), *([self.takes] if self.takes > 1 else [])]
        return f"{' x '.join(map(str, factors))} = {self.count}" if len(factors) > 1 else str(self.count)

    def combinations(self) -> Iterator[Combination]:
        """Yield every combination in declared order, the last axis fastest."""
        for steps in product(*(range(length) for _, length in self.groups)):
            chosen: dict[int, Value] = {}
            for (members, _), step in zip(self.groups, steps, strict=True):
                for member in members:
                    chosen[member] = self.axes[member].values[step]
            yield tuple(chosen[index] for index in range(len(self.axes)))


def read_matrix(axes: Sequence[Axis], zips: "Json", path: Path, takes: int, complaints: Complaints) -> Matrix:
    """Return the matrix of a shot; what is wrong with `zip` at `path` is told."""
    zipped: dict[int, tuple[int, ...]] = {}
    for number, names in enumerate(sequence(zips)):
        members = _members(axes, names, (*path, number), zipped, complaints)
        zipped |= dict.fromkeys(members, members)
    groups: list[_Group] = []
    for index, axis in enumerate(axes):
        members = zipped.get(index, (index,))
        if members[0] == index:
            groups.append((members, len(axis.values)))
    return Matrix(axes=tuple(axes), groups=tuple(groups), takes=takes)


def _members(
    axes: Sequence[Axis], names: "Json", path: Path, zipped: dict[int, tuple[int, ...]], complaints: Complaints
) -> tuple[int, ...]:
    """Return the axes of one zip group in declared order, none where the group is wrong."""
    known = {axis.name: index for index, axis in enumerate(axes)}
    found: list[int] = []
    for at, name in enumerate(sequence(names)):
        place = (*path, at)
        index = known.get(str(name))
        if index is None:
            meant = did_you_mean(str(name), list(known))
            label = f"did you mean `{meant}`?" if meant else ""
            complaints.at(place, "zip-axis", f"`{plain(str(name))}` is not an axis of this shot", label=label)
        elif index in zipped or index in found:
            complaints.at(place, "zip-axis", f"`{name}` is zipped already")
        elif axes[index].from_file:
            remedy = "row order means nothing; give the rows the column you need"
            complaints.at(place, "zip-file", f"`{name}` comes from a file and cannot be zipped", remedy=remedy)
        else:
            found.append(index)
    lengths = {len(axes[index].values) for index in found}
    if len(found) < len(sequence(names)):
        return ()
    if len(lengths) > 1:
        each = ", ".join(f"`{axes[index].name}` has {len(axes[index].values)}" for index in found)
        complaints.at(path, "zip-length", f"zipped axes have as many values as each other: {each}")
        return ()
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """The combinations that are left after `exclude` and `include`, and for each the overrides that hold, by index."""

    combinations: tuple[Combination, ...]
    overrides: tuple[tuple[int, ...], ...]


def expand(matrix: Matrix, shot: "dict[str, Json]", path: Path, complaints: Complaints) -> Expansion:
    """Apply a shot's rules to its matrix, exclude before include before overrides; what matches nothing is told."""
    kept = _excluded(matrix, shot, path, complaints)
    kept += _included(matrix, kept, shot, path, complaints)
    if not kept:
        complaints.at_key(path, "nothing-left", "this shot makes no jobs: every combination is excluded")
    widened = [_widened(axis, [each[index] for each in kept]) for index, axis in enumerate(matrix.axes)]
    rules = [
        read_rule(_when(entry), (*path, "overrides", at, "when"), widened, complaints)
        for at, entry in enumerate(sequence(shot.get("overrides")))
    ]
    held = [tuple(at for at, rule in enumerate(rules) if rule and rule.matches(each)) for each in kept]
    used = {at for each in held for at in each}
    for at, rule in enumerate(rules):
        if rule is not None and at not in used:
            complaints.at(
                rule.path, "rule-unused", "this override matches no combination", remedy="remove it, or widen `when`"
            )
    return Expansion(combinations=tuple(kept), overrides=tuple(held))


def _when(entry: "Json") -> "Json":
    return entry.get("when", {}) if isinstance(entry, dict) else {}


def _excluded(matrix: Matrix, shot: "dict[str, Json]", path: Path, complaints: Complaints) -> list[Combination]:
    entries = sequence(shot.get("exclude"))
    read = [read_rule(entry, (*path, "exclude", at), matrix.axes, complaints) for at, entry in enumerate(entries)]
    rules = [rule for rule in read if rule is not None]
    used: set[int] = set()
    kept = []
    for combination in matrix.combinations():
        hits = [at for at, rule in enumerate(rules) if rule.matches(combination)] if rules else []
        used.update(hits)
        if not hits:
            kept.append(combination)
    for at, rule in enumerate(rules):
        if at not in used:
            complaints.at(rule.path, "rule-unused", "this exclude matches no combination", remedy="remove it")
    return kept


def _included(
    matrix: Matrix, kept: Sequence[Combination], shot: "dict[str, Json]", path: Path, complaints: Complaints
) -> list[Combination]:
    there = {_names(combination) for combination in kept}
    added = []
    for at, entry in enumerate(sequence(shot.get("include"))):
        place = (*path, "include", at)
        combination = read_include(entry, place, matrix.axes, complaints)
        if combination is None:
            continue
        if _names(combination) in there:
            complaints.at(place, "include-double", "this combination exists already", remedy="remove it")
            continue
        there.add(_names(combination))
        added.append(combination)
    return added


def _names(combination: Combination) -> tuple[str, ...]:
    return tuple(value.name for value in combination)


def _widened(axis: Axis, used: Sequence[Value]) -> Axis:
    """Return an axis with the values that only `include` brought: overrides may name them."""
    known = {value.name for value in axis.values}
    new = {value.name: value for value in used if value.name not in known}
    return replace(axis, values=(*axis.values, *new.values())) if new else axis
