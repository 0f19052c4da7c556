"""How far a run is, as its events tell it: counts, money, what is under way, the time that may be left. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from kling_batch.events import (
    Cleared,
    Completed,
    Done,
    Doubted,
    Event,
    Failed,
    Held,
    Intended,
    Looked,
    Lost,
    Moved,
    Received,
    Restored,
    Submitted,
)
from kling_batch.job import Key
from kling_batch.plan.diff import Action, Change
from kling_batch.report.money import amount, duration

AT_REST = frozenset({Action.KEEP, Action.BLOCKED, Action.LOST, Action.ORPHAN})
IN_FLIGHT = frozenset({Action.RESUME, Action.FETCH, Action.UNSURE})
ENOUGH_TO_GUESS = 3


def work_of(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return the changes about which a run does something; without any it makes no request."""
    return tuple(change for change in changes if change.action not in AT_REST)


def begun(changes: Iterable[Change], now: float) -> "Progress":
    """Return the progress of a run that begins now; what earlier runs have in flight is in flight."""
    work = work_of(changes)
    in_flight = {
        change.key: change.record.spent
        for change in work
        if change.action in IN_FLIGHT and change.record and change.record.spent is not None
    }
    return Progress(work=frozenset(change.key for change in work), began=now, committed=in_flight)


@dataclass(slots=True, kw_only=True)
class Progress:
    """The fold of a run's events; times in seconds on one clock of the caller's, money in USD.

    A job may fail and be tried again within a run, so `failed` are those whose last word was a failure.
    """

    work: frozenset[Key]
    began: float
    done: set[Key] = field(default_factory=set)
    failed: set[Key] = field(default_factory=set)
    held: set[Key] = field(default_factory=set)
    active: dict[Key, str] = field(default_factory=dict)
    committed: dict[Key, Decimal] = field(default_factory=dict)
    spent: Decimal = Decimal(0)

    def see(self, event: Event) -> None:
        """Take in the next event."""
        under_way = phase(event)
        if under_way:
            self._begin(*under_way)
        match event:
            case Intended():
                self.committed[event.key] = event.usd or Decimal(0)
            case Cleared():
                self.committed.pop(event.key, None)
            case Completed():
                self._settle(event.key, event.usd)
            case Done() | Moved() | Restored():
                self._end(event.key, self.done)
                self._settle(event.key, None)
            case Failed():
                self._end(event.key, self.failed)
                self._settle(event.key, event.usd)
            case Lost():
                self._end(event.key, self.failed)
            case Held():
                self._end(event.key, self.held)
            case _:
                pass

    def _begin(self, key: Key, phase: str) -> None:
        self.failed.discard(key)
        self.held.discard(key)
        self.active[key] = phase

    def _end(self, key: Key, among: set[Key]) -> None:
        self.active.pop(key, None)
        for ended in (self.done, self.failed, self.held):
            ended.discard(key)
        among.add(key)

    def _settle(self, key: Key, billed: Decimal | None) -> None:
        expected = self.committed.pop(key, None)
        if expected is not None:
            self.spent += expected if billed is None else billed

    @property
    def finished(self) -> int:
        """How many jobs this run is through with, whatever came of them."""
        return len(self.done) + len(self.failed) + len(self.held)

    def left(self, now: float) -> float | None:
        """Return the seconds that may be left at the pace so far, `None` while there is too little to go by."""
        if self.finished < ENOUGH_TO_GUESS:
            return None
        return (now - self.began) / self.finished * max(0, len(self.work) - self.finished)

    def line(self, now: float) -> str:
        """Return all of it in one line: `5 of 12 done, 1 failed, $0.92 spent, $0.55 in flight, about 8 s left`."""
        in_flight = sum(self.committed.values(), Decimal(0))
        left = self.left(now)
        parts = [
            f"{len(self.done):,} of {len(self.work):,} done",
            f"{len(self.failed):,} failed" if self.failed else "",
            f"{len(self.held):,} held" if self.held else "",
            f"{amount(self.spent)} spent",
            f"{amount(in_flight)} in flight" if in_flight else "",
            f"about {duration(left)} left" if left else "",
        ]
        return ", ".join(part for part in parts if part)


def phase(event: Event) -> tuple[Key, str] | None:  # noqa: PLR0911 - one answer a case reads as a table
    """Return the job that an event leaves under way, and in what; `None` for an event that leaves none so."""
    match event:
        case Intended():
            return event.key, "sending"
        case Cleared():
            return event.key, "waiting"
        case Doubted():
            return event.key, "unsure, being looked up"
        case Submitted():
            return event.key, "accepted"
        case Looked():
            percent = "" if event.progress is None else f" {event.progress} %"
            return event.key, f"{event.status or 'accepted'}{percent}"
        case Completed():
            return event.key, "made"
        case Received():
            return event.key, f"downloading {_share(event)}"
        case _:
            return None


def _share(event: Received) -> str:
    mebibytes = f"{event.bytes / 2**20:.1f} MiB"
    return f"{mebibytes} of {event.total / 2**20:.1f}" if event.total else mebibytes
