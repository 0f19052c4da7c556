"""A person's word about jobs of which nobody knows whether they were paid for, written down as facts.

Nothing here asks the service. What is recorded goes through the journal first, as in a run, so that a kill at any
instant leaves either the doubt or its end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeAlias, assert_never

import anyio

from kling_batch import store
from kling_batch.errors import UsageError
from kling_batch.events import Cleared, Fact, Lost, Submitted
from kling_batch.job import Key, TaskId
from kling_batch.plan.decode import is_task_id
from kling_batch.plan.diff import Change
from kling_batch.plan.join import tasks
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import State
from kling_batch.run import holding
from kling_batch.run.book import Book
from kling_batch.run.journal import Journal
from kling_batch.run.planning import plan
from kling_batch.run.workspace import Campaign

MOST_LISTED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """The job is this task: it was found in the service's own list."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Resubmit:
    """The next run sends it again, under the same business id; where ids are not honoured it is paid for again."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """It counts as paid for and is never looked at again."""


Choice: TypeAlias = Adopt | Resubmit | Abandon


def unsure(meant: Sequence[Sequence[Change]]) -> list[tuple[Change, ...]]:
    """Return the unsure ones among the jobs that are meant, manifest by manifest.

    Raises `UsageError` with the states of the jobs if none is.
    """
    found = [tuple(change for change in each if change.state is State.UNSURE) for each in meant]
    if any(found):
        return found
    every = [change for each in meant for change in each]
    listed = [f"{change.key} is {change.state.value}" for change in every[:MOST_LISTED]]
    more = len(every) - MOST_LISTED
    raise UsageError(
        "only an unsure job is settled, and none of these is: nothing was changed",
        help="\n".join([*listed, *([f"... and {more} more"] if more > 0 else [])]),
    )


def decided(
    choice: Choice, jobs: Sequence[Sequence[Change]], patterns: Sequence[str], locks: Sequence[Lock]
) -> list[list[Fact]]:
    """Return the facts that a choice about unsure jobs means, manifest by manifest, as the jobs are and their locks.

    Raises `UsageError` where it cannot be right: of all jobs only one may be adopted or sent again at a time.
    """
    if not isinstance(choice, Abandon):
        _check_only([job for each in jobs for job in each])
    return [[_fact(choice, job, patterns, locks) for job in each] for each in jobs]


def _fact(choice: Choice, job: Change, patterns: Sequence[str], locks: Sequence[Lock]) -> Fact:
    match choice:
        case Adopt(task=task):
            return Submitted(key=_key(job), task=_free(task, locks))
        case Resubmit():
            return Cleared(key=_key(_sendable(job, patterns)), why="a person decided to send it again")
        case Abandon():
            return Lost(key=_key(job), why="a person gave it up")
        case _:
            assert_never(choice)


def settle(campaign: Campaign, facts: list[Fact]) -> None:
    """Write facts into journal and lock; to be held. Raises `StateError` and `DiskError` as a run does."""
    with holding.journal(campaign, plan(campaign)) as (lock, journal):
        anyio.run(enter, campaign, lock, journal, facts)


async def enter(campaign: Campaign, lock: Lock, journal: Journal, facts: list[Fact]) -> None:
    """Make facts durable in an open journal, then write the lock."""

    async def save(text: bytes) -> None:
        await anyio.to_thread.run_sync(partial(store.write_atomic, campaign.places.lock, text))

    book = Book(lock=lock, journal=journal, save=save, show=lambda _: None)
    await book.record_all(facts)
    await book.checkpoint()


def _names(change: Change) -> Iterator[Key]:
    yield change.key
    if change.origin:
        yield change.origin


def _key(job: Change) -> Key:
    """Return the key under which the lock has a job: the old one until the move of a renamed job is carried out."""
    return job.origin or job.key


def _check_only(jobs: Sequence[Change]) -> None:
    if len(jobs) != 1:
        listed = "\n".join(job.key for job in jobs[:MOST_LISTED])
        raise UsageError(f"{len(jobs)} unsure jobs are meant, and this settles one at a time", help=listed)


def _free(task: TaskId, locks: Sequence[Lock]) -> TaskId:
    if not is_task_id(task):
        raise UsageError(
            f"`{task}` is no task id: 1 to 128 of A-Z, a-z, 0-9, `.`, `_`, `:` and `-`",
            help="take it from the service's own list of tasks",
        )
    for key, record in chain.from_iterable(lock.jobs.items() for lock in locks):
        if task in tasks(record):
            raise UsageError(
                f"task `{task}` is known already: it is that of `{key}`",
                help="one task is one video of one job; compare the prompts in the service's own list",
            )
    return task


def _sendable(job: Change, patterns: Sequence[str]) -> Change:
    if not any(key in patterns for key in _names(job)):
        raise UsageError("what may be paid for twice is named in full, not by a pattern", help=f"name `{job.key}`")
    if job.job is None or job.record is None:
        raise UsageError(
            f"`{job.key}` has left the manifest: there is no request to send", help="`--adopt TASK` or `--abandon` it"
        )
    if job.origin:
        raise UsageError(
            f"it was sent as `{job.origin}`, and the service would not know it under its new name",
            help="give it the old name back until it is settled, or `--adopt TASK` or `--abandon` it",
        )
    if job.record.spec != job.job.spec.hash:
        raise UsageError(
            f"the request of `{job.key}` was edited since it was sent: it would be bought as something else",
            help="`--abandon` counts the old one as paid for; the next run then buys the edited one",
        )
    return job
