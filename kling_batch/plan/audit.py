"""What a committed lock must be before others build on it: whole, canonical, complete, and with nothing unsure."""

from collections.abc import Iterator, Sequence

from kling_batch.job import Job, Key
from kling_batch.plan.complaint import complaint
from kling_batch.plan.heal import first_mark
from kling_batch.plan.lockfile import Lock, belongs, parse
from kling_batch.plan.lockfile import format as format_lock
from kling_batch.plan.record import State
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source

DOUBTS = frozenset({"lock-missing", "lock-form", "lock-incomplete", "lock-unsure"})
"""The codes of what a run, a look-up or `lock fmt` mends; every other complaint about a lock is damage."""


def audit(
    source: Source, content: bytes, jobs: Sequence[Job], *, project: str, service: str
) -> tuple[Lock | None, tuple[Diagnostic, ...]]:
    """Return a lock, and what keeps it from being a good one for these jobs; `content` are the bytes of its source."""
    if mark := first_mark(source.text):
        why = "git left both sides of a merge here"
        repair = "`kling-batch lock fmt` puts together what is certain, and names the rest"
        return None, (complaint(source, "lock-conflict", why, repair, mark),)
    lock, damages = parse(source)
    if lock is None:
        return None, damages
    foreign = belongs(lock, project, service, place=source.name)
    return lock, (*foreign, *_doubts(source.name, content, lock, jobs))


def no_lock(place: str, jobs: Sequence[Job]) -> tuple[Diagnostic, ...]:
    """Return the complaint about a lock that is not there."""
    message = f"there is no lock; {_counted([job.key for job in jobs])} no record"
    return (Diagnostic(code="lock-missing", message=message, place=place, help=_RECORDED),)


def _doubts(place: str, content: bytes, lock: Lock, jobs: Sequence[Job]) -> Iterator[Diagnostic]:
    if format_lock(lock).encode() != content:
        message = "this lock is not in its one form: somebody, or another tool, wrote it differently"
        yield Diagnostic(code="lock-form", message=message, place=place, help="`kling-batch lock fmt` writes it again")
    absent = [job.key for job in jobs if job.key not in lock.jobs]
    if absent:
        message = f"{_counted(absent)} no record in this lock"
        yield Diagnostic(code="lock-incomplete", message=message, place=place, help=_RECORDED)
    unsure = [key for key, record in lock.jobs.items() if record.state is State.UNSURE]
    if unsure:
        message = f"{_counted(unsure)} a submit of which nobody knows what became"
        repair = "`kling-batch refresh` looks it up, and `kling-batch resolve` settles it"
        yield Diagnostic(code="lock-unsure", message=message, place=place, help=repair)


def _counted(keys: Sequence[Key]) -> str:
    return f"`{keys[0]}` has" if len(keys) == 1 else f"{len(keys):,} jobs, the first is `{keys[0]}`, have"


_RECORDED = "a run records every job of the manifest before it buys anything"
