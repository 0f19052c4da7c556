"""A campaign held by one runner: its run lock, its journal opened, its lock brought up to what the journal knows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kling_batch import store
from kling_batch.errors import StateError
from kling_batch.plan.diff import Plan
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.lockfile import format as format_lock
from kling_batch.run.healing import is_marked
from kling_batch.run.journal import DiskTape, Journal, Tape, open_journal
from kling_batch.run.planning import journal_of, lock_bytes, lock_of
from kling_batch.run.replay import Replayed, recovered
from kling_batch.run.shelf import Shelf
from kling_batch.run.workspace import Campaign


@contextmanager
def hold(campaign: Campaign) -> Iterator[None]:
    """Be the one runner of this lock while the block lasts; raises `LockHeldError`. May be nested."""
    store.own_folder(campaign.places.own)
    with store.RunLock(campaign.places.run_lock):
        yield


@contextmanager
def journal(
    campaign: Campaign, plan: Plan, tape: Callable[[store.Appender], Tape] = DiskTape
) -> Iterator[tuple[Lock, Journal]]:
    """Open the journal for a run of a plan, and say what lock and journal know; to be held while this is open.

    Raises `StateError` where what the plan was made from has changed since, or where both lock and journal are gone and
    the outputs show that there was a campaign.
    """
    lock, content = lock_of(campaign)
    replayed = journal_of(campaign, content)
    _refuse_a_lost_lock(campaign, lock, replayed)
    known = recovered(lock, replayed, campaign.manifest.project, campaign.service)
    for change in plan.changes:
        if known.jobs.get(change.origin or change.key) != change.record:
            raise StateError(
                f"`{change.key}` is not what it was when the plan was made; nothing was sent",
                help="plan again: somebody else has run this campaign since",
            )
    book, file = open_journal(campaign.places.journal, replayed, lock=known, content=content, tape=tape)
    try:
        yield known, book
    finally:
        file.close()


def catch_up(campaign: Campaign) -> None:
    """Write into the lock what only the journal knows, as after a kill before the last checkpoint; to be held.

    A lock that git has left in conflict is written as it was healed. Raises `StateError` as `journal` does.
    """
    campaign.seen.save()
    here = lock_bytes(campaign) or b""
    replayed = journal_of(campaign, here)
    if here and not replayed.facts and not is_marked(here):
        return
    lock, content = lock_of(campaign)
    _refuse_a_lost_lock(campaign, lock, replayed)
    known = recovered(lock, replayed, campaign.manifest.project, campaign.service)
    text = format_lock(known).encode()
    if known.jobs and text != content:
        store.write_atomic(campaign.places.lock, text)


def _refuse_a_lost_lock(campaign: Campaign, lock: Lock | None, replayed: Replayed) -> None:
    if lock is None and not replayed.size and (video := _orphaned(campaign)):
        raise StateError(
            f"there is no lock and no journal, but `{video}` was made by this project: nothing was sent",
            help=f"bring `{campaign.places.lock.name}` back from git, or rebuild it with `kling-batch recover`",
        )


def _orphaned(campaign: Campaign) -> str:
    """Return a video below the outputs whose sidecar is of this project and service, if there is one."""
    shelf = Shelf(root=campaign.places.outputs)
    for path in sorted(campaign.places.outputs.rglob("*.mp4.json")):
        output = path.relative_to(campaign.places.outputs).as_posix().removesuffix(".json")
        beside = shelf.sidecar(output)
        if beside is not None and campaign.owns(beside):
            return output
    return ""
