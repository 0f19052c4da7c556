"""The changes of a plan that need no service: files moved or restored, records opened, and the facts that tell it.

Each is done first and recorded second, and each finds out by checksum whether it was done already, so that a kill
between the two costs nothing.
"""

from collections.abc import Iterator

from kling_batch.errors import DiskError, StateError
from kling_batch.events import Fact, Lost, Moved, Opened, Restored, Told
from kling_batch.job import Job, Key
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.history import earlier_video
from kling_batch.plan.record import Record, State
from kling_batch.run.shelf import Shelf


def openings(changes: tuple[Change, ...]) -> list[Fact]:
    """Return the facts that give every job of the manifest a record, and every lost one its name."""
    facts: list[Fact] = []
    for change in changes:
        job, record = change.job, change.record
        if change.action is Action.LOST and record and record.state is not State.LOST:
            facts.append(Lost(key=change.key, why=change.because))
        elif job and change.origin in {None, change.key} and (record is None or _is_stale(record, change)):
            facts.append(Opened(key=job.key, spec=job.spec.hash, parts=job.spec.parts, output=job.output))
    return facts


def _is_stale(record: Record, change: Change) -> bool:
    job = change.job
    return record.state is State.PENDING and job is not None and record.spec != job.spec.hash


def new_names(changes: tuple[Change, ...]) -> dict[Key, Key]:
    """Return the new name of each job that a plan renames."""
    origins = {change.key: change.origin for change in changes if change.action is Action.MOVE}
    return {origin: key for key, origin in origins.items() if origin and origin != key}


def carry_out(changes: tuple[Change, ...], shelf: Shelf) -> Iterator[Fact | Told]:
    """Move and restore the files that a plan names, and tell each once it is done, or why it could not be."""
    for change in changes:
        if change.stray and change.job is not None:
            yield from _put_back(change.job.output, change.stray, shelf)
        if change.job is None or change.record is None or change.action not in {Action.MOVE, Action.RESTORE}:
            continue
        try:
            yield _carry_out(change, change.job, change.record, shelf)
        except (OSError, StateError, DiskError) as error:
            yield Told(level="warning", message=f"{change.key} stays where it is: {error}")


def _put_back(output: str, home: str, shelf: Shelf) -> Iterator[Told]:
    try:
        shelf.move(output, home)
    except (OSError, StateError, DiskError) as error:
        yield Told(level="warning", message=f"`{output}` belongs at `{home}` and stays in the way: {error}")


def _carry_out(change: Change, job: Job, record: Record, shelf: Shelf) -> Fact:
    if change.action is Action.MOVE:
        if _is_ours(shelf, record):  # what somebody else has put or changed there is not ours to move
            _bring(shelf, record, job.output)
        return Moved(key=job.key, origin=change.origin or job.key, output=job.output)
    earlier = earlier_video(record, job.spec.hash)
    if earlier is None:
        raise AssertionError(f"{job.key} is to be restored and has no such past")
    kept = _clear(shelf, record, job.output)
    _bring(shelf, earlier, job.output)
    return Restored(key=job.key, spec=earlier.spec, output=job.output, kept=kept)


def _is_ours(shelf: Shelf, record: Record) -> bool:
    """Say whether the file at a record's place is its video, the one before, or one that came just before a kill."""
    if record.output is None:
        return False
    ours = {each.sha256 for each in (record, *record.past) if each.sha256}
    is_fresh = record.task is not None and shelf.is_from(record.output, record.task)
    return shelf.checksum(record.output) in ours or (record.sha256 is None and is_fresh)


def _clear(shelf: Shelf, record: Record, output: str) -> str:
    """Set the job's present file aside, if it lies where the restored one goes; return its new place."""
    if record.sha256 is None:
        return ""
    if shelf.is_free(output) or shelf.checksum(output) != record.sha256:
        return shelf.aside(output, record.sha256)
    return shelf.set_aside(output, record.sha256)


def _bring(shelf: Shelf, record: Record, target: str) -> None:
    """Bring a record's file to another name; a file that is in another clone, or there already, is left alone."""
    if record.output is None or record.output == target or shelf.is_free(record.output):
        return
    shelf.move(record.output, target)
