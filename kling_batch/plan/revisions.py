"""One manifest at two times: which jobs are new, changed, renamed or gone, and what that costs against a lock."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kling_batch.job import Job, Key
from kling_batch.plan.cost import Prices
from kling_batch.plan.diff import Action, Change, FileState, Outlook, compare
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import Record, State
from kling_batch.plan.select import Selection, selected


class Kind(enum.Enum):
    """What became of a job from the older revision to the newer one."""

    CREATED = "created"
    CHANGED = "changed"
    MOVED = "moved"
    ORPHANED = "orphaned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One job that is not what it was.

    `change` is what a plan at the newer revision does with the job. `because` is for people. `pays` says that the
    difference itself makes a run pay; what a plan would have paid for before, under another name, it does not.
    """

    key: Key
    kind: Kind
    because: str
    change: Change | None = None
    origin: Key | None = None
    pays: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Everything that differs, in the order of the newer manifest, what is gone last.

    `waiting` are the other jobs that a run at the newer revision pays for: they wanted that before as well.
    """

    jobs: tuple[Difference, ...]
    waiting: tuple[Change, ...]


def differences(before: Iterable[Job], after: Iterable[Job], lock: Lock, prices: Prices, *, now: float) -> Differences:
    """Compare the jobs of two revisions; `lock` is that of the newer one, `now` Unix seconds. No file is looked at."""
    jobs = tuple(after)
    outlook = Outlook(now=now, file=lambda _record: FileState.SAME, retries=0)
    planned = {each.key: each for each in compare(jobs, lock, prices, outlook)}
    found = []
    for each in compare(jobs, _as_lock(before), prices, outlook):
        kind = _KINDS.get(each.action)
        if kind is not None:
            found.append(_difference(kind, each, planned))
    told = {each.key for each in found if each.pays}
    waiting = tuple(each for each in planned.values() if each.pays and each.key not in told)
    return Differences(jobs=tuple(found), waiting=waiting)


def keys_of(found: Differences) -> tuple[Key, ...]:
    """Return every key by which something in it may be meant, newer and older ones."""
    older = (each.origin for each in found.jobs if each.origin)
    return (*(each.key for each in found.jobs), *older, *(each.key for each in found.waiting))


def narrowed(found: Differences, selection: Selection) -> Differences:
    """Return what a selection means of it; the state of a job is the one that the newer lock knows."""
    states = [(key, each.change.state if each.change else State.PENDING) for each in found.jobs for key in _names(each)]
    meant = selected(selection, (*states, *((each.key, each.state) for each in found.waiting)))
    return Differences(
        jobs=tuple(each for each in found.jobs if not meant.isdisjoint(_names(each))),
        waiting=tuple(each for each in found.waiting if each.key in meant),
    )


def _names(each: Difference) -> tuple[Key, ...]:
    return (each.key, each.origin) if each.origin else (each.key,)


_KINDS = {
    Action.CREATE: Kind.CREATED,
    Action.REDO: Kind.CHANGED,
    Action.MOVE: Kind.MOVED,
    Action.ORPHAN: Kind.ORPHANED,
}


def _as_lock(jobs: Iterable[Job]) -> Lock:
    """Return the lock of a world in which these jobs are all done, so that a plan tells what else is wanted."""
    done = {
        job.key: Record(spec=job.spec.hash, parts=job.spec.parts, state=State.DONE, output=job.output) for job in jobs
    }
    return Lock(project="", service="", jobs=done)


def _difference(kind: Kind, told: Change, planned: Mapping[Key, Change]) -> Difference:
    change = planned.get(told.key)
    pays = kind in {Kind.CREATED, Kind.CHANGED} and change is not None and change.pays
    own = {Kind.CREATED: "new", Kind.ORPHANED: "gone from the manifest"}.get(kind, told.because)
    return Difference(
        key=told.key,
        kind=kind,
        because=own if pays or kind is Kind.MOVED else _with_plan(kind, own, change),
        change=change,
        origin=told.origin if told.origin != told.key else None,
        pays=pays,
    )


def _with_plan(kind: Kind, own: str, change: Change | None) -> str:
    """Return a reason with why a run does not pay for it; of what is gone, what it has cost."""
    if kind is Kind.ORPHANED:
        return change.because if change else f"{own}; it was never bought"
    return f"{own}; {change.because}" if change else own
