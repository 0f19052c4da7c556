"""The three readers of one stream of events: the journal first, then what is believed, then the screen.

A fact is durable in the journal before it changes a record or anybody sees it. The lock file is a checkpoint of the
records: written now and then, and at the end.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import anyio

from kling_batch.errors import DiskError
from kling_batch.events import Event, Fact, Held, Looked, LookUpJudged, Received, Told
from kling_batch.job import Key
from kling_batch.plan.lockfile import Lock, Writer, absorb
from kling_batch.plan.record import Record
from kling_batch.run.journal import Journal

OFTEN = 1.0  # seconds between two checkpoints at least
SHARE = 50  # a checkpoint may cost one part in so many of the time


@dataclass(slots=True, kw_only=True)
class Book:
    """What a run knows, and where it is written. `save` replaces the lock file; `show` is the screen."""

    lock: Lock
    journal: Journal
    save: Callable[[bytes], Awaitable[None]]
    show: Callable[[Event], None]
    jobs: dict[Key, Record] = field(init=False)
    _writer: Writer = field(default_factory=Writer)
    _dirty: bool = field(init=False)

    def __post_init__(self) -> None:
        self.jobs = dict(self.lock.jobs)
        self._dirty = self.journal.is_ahead

    async def record(self, event: Event) -> None:
        """Make a fact durable, believe it, show it; a sign is only shown. Raises `DiskError` if it is not durable."""
        if not isinstance(event, Looked | Received | Held | Told):
            await self.journal.record(event, believe=self._believe)
        self.show(event)

    async def record_all(self, facts: list[Fact]) -> None:
        """Make many facts durable at once."""
        await self.journal.record(*facts, believe=self._believe)
        for fact in facts:
            self.show(fact)

    def _believe(self, fact: Fact) -> None:
        self._dirty = True
        if isinstance(fact, LookUpJudged):
            self.lock = replace(self.lock, look_up=fact.model if fact.proven else None)
        else:
            absorb(self.jobs, fact)

    def _text(self) -> bytes:
        self._dirty = False
        return self._writer.text(replace(self.lock, jobs=self.jobs)).encode()

    async def checkpoint(self) -> None:
        """Note the lock in the journal and write it, if anything has changed since it was last written.

        Facts go on coming while it is written. A lock that cannot be noted is written all the same: what is known then
        lies in two places, and the next run joins them.
        """
        if not self._dirty:
            return
        unnoted: DiskError | None = None
        try:
            try:
                text = await self.journal.checkpoint(self._text)
            except DiskError as error:
                text, unnoted = self._text(), error
            await self.save(text)
        except BaseException:  # cancelled, too: what is not in the file is still to be written
            self._dirty = True
            raise
        if unnoted is not None:
            raise unnoted

    async def keep_up(self) -> None:
        """Write checkpoints for as long as nobody cancels, each so late that together they cost next to nothing."""
        pause = OFTEN
        while True:
            await anyio.sleep(pause)
            before = anyio.current_time()
            with suppress(DiskError):  # the old lock still stands; the next one, or the last, tells
                await self.checkpoint()
            pause = max(OFTEN, SHARE * (anyio.current_time() - before))
