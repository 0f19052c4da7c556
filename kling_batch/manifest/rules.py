"""What `exclude`, `include` and `overrides` say, with every name in them resolved against the axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kling_batch.job import Json
from kling_batch.manifest.axes import Axis, Value
from kling_batch.manifest.complaints import Complaints
from kling_batch.manifest.names import name_fault, scalar_name, shortened
from kling_batch.manifest.tree import mapping
from kling_batch.text.document import Path
from kling_batch.text.plain import plain
from kling_batch.text.render import did_you_mean, listed

_GUESSED = 1000
"""How many names are compared with a misspelt one: comparing is slow, and an axis may have 100,000."""

Combination = tuple[Value, ...]
"""One value for each axis of a shot, in the order in which they are declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A partial match on names: for some axes, by index, the names that match."""

    path: Path
    wanted: tuple[tuple[int, frozenset[str]], ...]

    def matches(self, combination: Combination) -> bool:
        """Say whether a combination is one of those that the rule means."""
        return all(combination[index].name in names for index, names in self.wanted)


def read_rule(value: "Json", path: Path, axes: Sequence[Axis], complaints: Complaints) -> Rule | None:
    """Return a rule, or `None` once its unknown axes and names are told."""
    wanted = []
    known = True
    for name, patterns in mapping(value).items():
        index = _index(name, axes, (*path, name), complaints)
        names = _matching(axes[index], patterns, (*path, name), complaints) if index is not None else frozenset()
        known = known and bool(names)
        if index is not None:
            wanted.append((index, names))
    return Rule(path=path, wanted=tuple(wanted)) if known else None


def _index(name: str, axes: Sequence[Axis], path: Path, complaints: Complaints) -> int | None:
    names = [axis.name for axis in axes]
    if name in names:
        return names.index(name)
    meant = did_you_mean(name, names)
    remedy = f"the axes are {shortened(names)}" if names else "this shot has no axes"
    label = f"did you mean `{meant}`?" if meant else ""
    complaints.at_key(path, "rule-axis", f"`{plain(name)}` is not an axis of this shot", label=label, remedy=remedy)
    return None


def _matching(axis: Axis, patterns: "Json", path: Path, complaints: Complaints) -> frozenset[str]:
    """Return the names of an axis that one entry of a rule means: a scalar, a glob, or a list of them."""
    items = list(enumerate(patterns)) if isinstance(patterns, list) else [(None, patterns)]
    found: set[str] = set()
    for at, pattern in items:
        names = _named(axis, pattern)
        if not names:
            _tell_unknown(axis, pattern, path if at is None else (*path, at), complaints)
        found |= names
    return frozenset(found)


def _named(axis: Axis, pattern: "Json") -> set[str]:
    if isinstance(pattern, str) and axis.find(pattern):
        return {pattern}
    if axis.find(name := scalar_name(pattern)):
        return {name}
    if isinstance(pattern, str) and any(sign in pattern for sign in "*?["):
        return {value.name for value in axis.values if fnmatchcase(value.name, pattern)}
    return set()


def _tell_unknown(axis: Axis, pattern: "Json", path: Path, complaints: Complaints) -> None:
    names = [value.name for value in axis.values]
    meant = did_you_mean(scalar_name(pattern), names[:_GUESSED])
    label = f"did you mean `{meant}`?" if meant else ""
    message = f"`{plain(str(pattern))}` is not a value of `{axis.name}`"
    complaints.at(path, "rule-value", message, label=label, remedy=f"its values are {shortened(names)}")


def read_include(value: "Json", path: Path, axes: Sequence[Axis], complaints: Complaints) -> Combination | None:
    """Return the whole combination that an entry of `include` adds, or `None` once its mistakes are told."""
    given = mapping(value)
    unknown = [_index(name, axes, (*path, name), complaints) is None for name in given]
    missing = [axis.name for axis in axes if axis.name not in given and axis.default is None]
    if missing and not any(unknown):
        remedy = "an include gives every axis that has no default"
        complaints.at(
            path,
            "include-axis",
            f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} missing here",
            remedy=remedy,
        )
    chosen = [_included(axis, given, path, complaints) for axis in axes]
    whole = tuple(each for each in chosen if each is not None)
    return whole if len(whole) == len(axes) and not any(unknown) else None


def _included(axis: Axis, given: Mapping[str, "Json"], path: Path, complaints: Complaints) -> Value | None:
    if axis.name not in given:
        return axis.find(axis.default) if axis.default is not None else None
    item, place = given[axis.name], (*path, axis.name)
    name = item if isinstance(item, str) and axis.find(item) else scalar_name(item)
    if (found := axis.find(name)) is not None:
        return found
    if axis.open_ended and (fault := name_fault(name)) is None:
        return Value(name=name, value=item, path=place)
    if axis.open_ended:
        complaints.at(place, "axis-name", f"the value's name `{plain(name)[:80]}` {fault}")
    else:
        _tell_unknown(axis, item, place, complaints)
    return None
