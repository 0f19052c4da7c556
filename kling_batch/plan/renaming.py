"""Keys renamed in the lock: one, or all of a shot or an axis, so that a rename together with an edit buys nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from kling_batch.job import Key, key_of
from kling_batch.manifest.names import name_fault
from kling_batch.plan.record import Record
from kling_batch.text.plain import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What a rename says: a shot, axes with or without a value's name, and a take if it is about one key."""

    shot: str
    axes: tuple[tuple[str, str], ...]
    take: str


def name_of(text: str) -> Name:
    """Return the name that `hero`, `hero/lang`, `hero/lang=de` or a whole key says; an axis alone has the value ``."""
    rest, _, take = text.partition("#")
    shot, _, axes = rest.partition("/")
    pairs = (each.partition("=") for each in axes.split(",") if each)
    return Name(shot=shot, axes=tuple((axis, value) for axis, _, value in pairs), take=take)


def new_keys(keys: Mapping[Key, Record], old: str, new: str) -> tuple[dict[Key, Key], str]:
    """Return the new key of each that a rename means, and what speaks against it, empty if nothing does."""
    before, after = name_of(old), name_of(new)
    if against := _misfit(before, after):
        return {}, f"`{old}` and `{new}` {against}"
    renamed = {key: _renamed(name_of(key), before, after) for key in keys if _is_meant(name_of(key), before)}
    moved = {key: there for key, there in renamed.items() if key != there}
    if not moved:
        return {}, f"`{old}` has that name already" if renamed else f"no record is meant by `{old}`"
    against = _collision(moved, keys)
    return ({}, against) if against else (moved, "")


def _misfit(before: Name, after: Name) -> str:
    if len(before.axes) != len(after.axes) or bool(before.take) != bool(after.take):
        return "are not of one form"
    if any(bool(was) != bool(now) for (_, was), (_, now) in zip(before.axes, after.axes, strict=True)):
        return "do not both name values"
    if not after.shot or not all(axis for axis, _ in after.axes):
        return "are not both names of jobs"
    names = (after.shot, *(name for pair in after.axes for name in pair if name), *([after.take] if after.take else []))
    faults = ((name, name_fault(name)) for name in names)
    return next((f"are not both names of jobs: `{plain(name)}` {fault}" for name, fault in faults if fault), "")


def _collision(moved: Mapping[Key, Key], keys: Mapping[Key, Record]) -> str:
    taken = [there for there in moved.values() if there in keys and not (there in moved or keys[there].is_blank)]
    if taken:
        return f"`{taken[0]}` has a record of its own; `forget` it first"
    doubled = [there for there in moved.values() if len(dict(axes := name_of(there).axes)) < len(axes)]
    if doubled:
        return f"`{doubled[0]}` would have one axis twice"
    return "names would change places: use a third one in between" if set(moved) & set(moved.values()) else ""


def _is_meant(name: Name, by: Name) -> bool:
    axes = dict(name.axes)
    named = all(axis in axes and value in {"", axes[axis]} for axis, value in by.axes)
    whole = not by.take or (by.take == name.take and set(by.axes) == set(name.axes))
    return name.shot == by.shot and named and whole


def _renamed(name: Name, before: Name, after: Name) -> Key:
    known = dict(name.axes)
    kept = [(axis, value) for axis, value in name.axes if axis not in dict(before.axes)]
    pairs = zip(before.axes, after.axes, strict=True)
    changed = [(new, value or known[axis]) for (axis, _), (new, value) in pairs]
    return key_of(after.shot, tuple(sorted([*kept, *changed])), after.take or name.take)
