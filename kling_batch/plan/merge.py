"""Two branches' locks made one: three-way by key, and no task that either side has paid for is lost (reliability b9).

What only one side changed is taken from it, as git would; what both changed is joined. A record that one side gave
another name is followed by its tasks, so that a rename on one branch and a run on the other stay one purchase.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from kling_batch.job import Json, Key, TaskId
from kling_batch.plan.join import join, tasks
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import Record

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubled:
    """A second task that was paid for one job, one on each side; `usd` is what it cost, `None` where nobody knows."""

    key: Key
    task: TaskId
    usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """A job of which only a human can say what is right, and why."""

    key: Key
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What two sides together know. Only a lock with nothing `undecided` may be written."""

    lock: Lock
    doubled: tuple[Doubled, ...] = ()
    undecided: tuple[Undecided, ...] = ()


def merge(base: Lock | None, ours: Lock, theirs: Lock, wanted: Collection[Key] = frozenset()) -> Merged:
    """Merge two locks of one project and service; `base` is what both began with, where it is known.

    `wanted` are the keys of the manifest, where it is known: they decide which name of a renamed job is the new one.
    """
    before = base.jobs if base else {}
    jobs = {
        key: record
        for key in sorted(ours.jobs.keys() | theirs.jobs.keys())
        if (record := _record(before.get(key), ours.jobs.get(key), theirs.jobs.get(key), joins=base is None))
    }
    both = ours.jobs.keys() & theirs.jobs.keys()
    undecided = []
    for keys in _sharing(jobs):
        name = _name(keys, (keys - before.keys() if base else frozenset(), keys & both, keys.intersection(wanted)))
        if name is None:
            others = {key: next(iter(keys - {key})) for key in sorted(keys)}
            undecided += [
                Undecided(key=key, why=f"its task is also that of `{other}`") for key, other in others.items()
            ]
        else:
            _gather(jobs, name, keys - {name})
    lock = replace(
        ours,
        jobs=jobs,
        look_up=_three(base.look_up if base else None, ours.look_up, theirs.look_up),
        extra=_extra(base.extra if base else {}, ours.extra, theirs.extra),
    )
    return Merged(lock=lock, doubled=tuple(_doubled(jobs, ours, theirs)), undecided=tuple(undecided))


def _record(base: Record | None, ours: Record | None, theirs: Record | None, *, joins: bool) -> Record | None:
    """Return what becomes of one key; with `joins` nobody knows the base, and what one side lacks it never had."""
    if ours == theirs or (not joins and theirs == base):
        return ours
    if not joins and ours == base:
        return theirs
    return join(ours, theirs)


def _sharing(jobs: Mapping[Key, Record]) -> Iterator[frozenset[Key]]:
    """Yield the sets of keys that have a purchase in common: one job under several names."""
    owners: dict[str, Key] = {}
    groups: dict[Key, set[Key]] = {}
    for key, record in jobs.items():
        for each in _purchases(record):
            owner = owners.setdefault(each, key)
            if owner != key:
                group = groups.get(owner, {owner}) | groups.get(key, {key})
                groups.update(dict.fromkeys(group, group))
    yield from {frozenset(group): None for group in groups.values()}


def _purchases(record: Record) -> Iterator[str]:
    yield from tasks(record)
    if record.is_in_flight and record.business_id:
        yield record.business_id


def _name(keys: frozenset[Key], likely: Iterable[frozenset[Key]]) -> Key | None:
    """Return the one key among several that a job goes by: the first of the likely sets that holds just one."""
    for some in likely:
        if len(some) == 1:
            return next(iter(some & keys))
    return None


def _gather(jobs: dict[Key, Record], name: Key, others: Iterable[Key]) -> None:
    for other in sorted(others):
        jobs[name] = join(jobs[name], jobs.pop(other)) or jobs[name]


def _doubled(jobs: Mapping[Key, Record], ours: Lock, theirs: Lock) -> Iterator[Doubled]:
    """Yield the second tasks that neither side knew to be second ones."""
    known = {each.task for side in (ours, theirs) for record in side.jobs.values() for each in record.also}
    for key, record in jobs.items():
        for each in record.also:
            if each.task is not None and each.task not in known:
                yield Doubled(key=key, task=each.task, usd=each.spent)


def _three(base: T | None, ours: T | None, theirs: T | None) -> T | None:
    """Return the value that was changed; where both sides changed it, neither is believed."""
    if theirs in (ours, base):
        return ours
    return theirs if ours == base else None


def _extra(base: Mapping[str, Json], ours: Mapping[str, Json], theirs: Mapping[str, Json]) -> dict[str, Json]:
    """Return the fields of newer versions: each from the side that changed it, from ours where both did."""
    fields = {}
    for name in sorted(ours.keys() | theirs.keys()):
        side = theirs if name in base and ours.get(name) == base[name] else ours
        side = side if name in side or name in base else theirs
        if name in side:
            fields[name] = side[name]
    return fields
