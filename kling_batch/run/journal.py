"""The append-only, fsynced record of a run, written before anything is believed; `replay` reads it back.

The first line is the head, which binds the journal to one lock. A *checkpoint* says that the facts so far are all in
the lock file with that sha256; a *base*, that a run began from a lock file which other facts than these have made.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import anyio
import anyio.lowlevel
import anyio.to_thread

from kling_batch import store
from kling_batch.errors import DiskError, StateError
from kling_batch.events import Cleared, Fact, Intended, to_json
from kling_batch.job import Json, canonical
from kling_batch.plan.lockfile import Lock, Writer
from kling_batch.run.entries import VERSION, entry
from kling_batch.run.replay import Replayed

GATHERING = 3
"""Turns of the loop in which whoever is ready joins a batch: half the syncs of none, and a fifth less CPU a job."""
_KEEP = "nothing more is sent; keep these lines, they are what the disk did not take"


class Tape(Protocol):
    """Where a journal's lines go: durable once `append` returns."""

    @property
    def is_full(self) -> bool:
        """Whether it lives on its reserve: enough to write down what is known, not to buy anything more."""
        ...

    async def append(self, data: bytes) -> None:
        """Add bytes. Raises `DiskError` or `StateError`, and from then on always."""
        ...


class DiskTape:
    """A file as a tape; its syncs run in a thread, so that a slow disk holds nobody else up."""

    def __init__(self, file: store.Appender) -> None:
        self._file = file

    @property
    def is_full(self) -> bool:
        """Whether the file lives on its reserve."""
        return self._file.is_full

    async def append(self, data: bytes) -> None:
        """Add bytes and sync them; see `store.Appender.append`."""
        await anyio.to_thread.run_sync(self._file.append, data)


def _nobody(_: Fact) -> None:
    """Take no notice."""


@dataclass(slots=True)
class _Batch:
    """Lines that share one sync, what became of it, and whom to tell of each fact that is durable.

    Who comes first waits for the batch before and then writes for all; the others wait for `written`.
    """

    lines: list[tuple[str, Mapping[str, Json]]] = field(default_factory=list)
    told: list[Callable[[], None]] = field(default_factory=list)
    written: anyio.Event | None = None
    error: Exception | None = None


class Journal:
    """Makes facts durable. Those that arrive while a sync is under way share the next one.

    Nothing comes between a fact's sync and its `believe`: between two syncs exactly what is durable is believed. Once
    the tape has failed every `record` raises `DiskError`. `is_ahead` says that it began with facts which the lock file
    does not hold.
    """

    def __init__(self, tape: Tape, *, next_seq: int, clock: Callable[[], float], is_ahead: bool = False) -> None:
        self.is_ahead = is_ahead
        self._tape, self._seq, self._clock = tape, next_seq, clock
        self._turn = anyio.Lock()
        self._batch = _Batch()
        self._broken: Exception | None = None

    async def record(self, *facts: Fact, believe: Callable[[Fact], None] = _nobody) -> None:
        """Return once all facts are durable and believed, in their order.

        Raises `DiskError` where they are not, with their lines, and for an intent on a full disk: what cannot be
        recorded to its end may not be begun.
        """
        intents = [fact for fact in facts if isinstance(fact, Intended)]
        if intents and self._tape.is_full:
            raise _full()
        await self._commit(facts, believe)
        if intents and self._tape.is_full:
            why = "the disk is full: it was not sent"
            await self._commit([Cleared(key=fact.key, why=why) for fact in intents], believe)
            raise _full()

    async def checkpoint(self, text: Callable[[], bytes]) -> bytes:
        """Note that all facts so far are in the lock file of that text, and return the text, which is to be saved next.

        It is asked for between two syncs. A kill before it is saved leaves the older lock, whose own checkpoint stands.
        """
        with anyio.CancelScope(shield=True):
            async with self._turn:
                content = text()
                batch = _Batch([("checkpoint", {"sha256": hashlib.sha256(content).hexdigest()})])
                await self._write(batch)
        if batch.error is not None:
            raise _failed([], batch.error) from batch.error
        return content

    async def _commit(self, facts: Sequence[Fact], believe: Callable[[Fact], None]) -> None:
        bodies = [to_json(fact) for fact in facts]
        if self._broken is not None:
            raise _failed(bodies, self._broken)
        batch = self._batch
        batch.lines += [("fact", body) for body in bodies]
        batch.told += [partial(believe, fact) for fact in facts]
        with anyio.CancelScope(shield=True):  # as short as a sync, which nobody can cancel: a line given is a line kept
            if batch.written is not None:
                await batch.written.wait()
            else:
                await self._lead(batch)
        if batch.error is not None:
            raise _failed(bodies, batch.error) from batch.error

    async def _lead(self, batch: _Batch) -> None:
        batch.written = anyio.Event()
        try:
            async with self._turn:
                for _ in range(GATHERING):
                    await anyio.lowlevel.cancel_shielded_checkpoint()
                self._batch = _Batch()
                await self._write(batch)
        except BaseException:  # torn out of its task by force: nobody knows what is on the disk
            self._broken = batch.error = StateError("a write of the journal was cut off")
            raise
        finally:
            batch.written.set()

    async def _write(self, batch: _Batch) -> None:
        batch.error = self._broken
        if self._broken is not None:
            return
        at = int(self._clock())
        lines = [entry(self._seq + number, at, *line) for number, line in enumerate(batch.lines)]
        try:
            await self._tape.append(b"".join(lines))
        except (DiskError, StateError, OSError) as error:
            self._broken = batch.error = error
            return
        self._seq += len(lines)
        for tell in batch.told:
            tell()


def _failed(bodies: list[dict[str, Json]], why: Exception) -> DiskError:
    lines = [canonical(body).decode() for body in bodies]
    return DiskError(f"the journal cannot be written: {why}", help=_KEEP, recovery=lines)


def _full() -> DiskError:
    return DiskError("the disk is full; nothing more is bought", help="make room, and run again")


def open_journal(
    path: Path,
    replayed: Replayed,
    *,
    lock: Lock,
    content: bytes,
    clock: Callable[[], float] = time.time,
    tape: Callable[[store.Appender], Tape] = DiskTape,
) -> tuple[Journal, store.Appender]:
    """Open a journal that was replayed, or begin one, for a run that starts from that lock.

    `lock` is what was recovered, `content` the lock file as it lies there, empty if there is none. Cuts off a torn
    end. The appender is the caller's to close. Raises `DiskError`, and `StateError` if the file has changed since.
    """
    seq, now = replayed.next_seq, int(clock())
    lines: list[tuple[str, dict[str, Json]]] = []
    if seq == 0:
        lines.append(("head", {"journal": VERSION, "project": lock.project, "service": lock.service}))
    if content and not replayed.fits:
        here: dict[str, Json] = {"sha256": hashlib.sha256(content).hexdigest()}
        lines.append(("base", here))
        if seq == 0 or Writer().text(lock).encode() == content:
            lines.append(("checkpoint", here))
    file = store.Appender(path, replayed.size)
    try:
        if lines:
            file.append(b"".join(entry(seq + number, now, *each) for number, each in enumerate(lines)))
    except BaseException:
        file.close()
        raise
    return Journal(tape(file), next_seq=seq + len(lines), clock=clock, is_ahead=bool(replayed.facts)), file
