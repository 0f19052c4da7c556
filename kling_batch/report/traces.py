"""A run's events as spans and figures, in the terms of OpenTelemetry and without it: one more reader of the stream.

A trace goes to a collector that others may read. It names a job by its business id, a hash that `status --json` joins
with its key, and holds no key, prompt, link, path or word of the service but codes. Times are nanoseconds since 1970.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

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
    Submitted,
)
from kling_batch.job import Key
from kling_batch.plan.diff import Change

SUBMITS, LOOKS, SPENT = "kling_batch.submits", "kling_batch.looks", "kling_batch.spent"
JOBS, DURATION, RECEIVED = "kling_batch.jobs", "kling_batch.job.duration", "kling_batch.received"
UNITS: Mapping[str, str] = {SUBMITS: "1", LOOKS: "1", SPENT: "USD", JOBS: "1", DURATION: "s", RECEIVED: "By"}
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}")

Attributes: TypeAlias = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened within a span."""

    name: str
    at: int
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What took time, whole, with what it was made of; `fault` is empty unless it came to nothing."""

    name: str
    begin: int
    end: int
    attributes: Attributes
    marks: tuple[Mark, ...] = ()
    parts: tuple["Span", ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """An amount that is added to the instrument of that name, one of `UNITS`; `DURATION` is a histogram."""

    name: str
    amount: float
    attributes: Attributes = field(default_factory=dict)


Signal: TypeAlias = Span | Figure


@dataclass(slots=True, kw_only=True)
class _Attempt:
    begin: int
    attributes: dict[str, str | int | float]
    usd: Decimal | None = None
    phase: str = ""
    phase_begin: int = 0
    marks: list[Mark] = field(default_factory=list)
    parts: list[Span] = field(default_factory=list)

    def enter(self, phase: str, now: int) -> None:
        self.phase, self.phase_begin = phase, now

    def leave(self, now: int, outcome: str = "", fault: str = "") -> None:
        """End the phase that the attempt is in, if it is in one."""
        if self.phase:
            attributes = {"kling_batch.outcome": outcome} if outcome else {}
            marks, self.marks = tuple(self.marks), []
            part = Span(
                name=self.phase, begin=self.phase_begin, end=now, attributes=attributes, marks=marks, fault=fault
            )
            self.parts.append(part)
            self.phase = ""


class Traces:
    """The fold of a run's events into signals; a job's span comes when its attempt has ended, or the run."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._known = {change.key: change.record for change in changes if change.record}
        self._open: dict[Key, _Attempt] = {}
        self._last: dict[Key, str] = {}

    def hear(self, event: Event, now: int) -> Iterator[Signal]:  # noqa: C901 - a table is a match with one row an event
        """Yield what an event adds to the trace."""
        match event:
            case Intended():
                self._intended(event, now)
            case Submitted(key=key, task=task):
                self._of(key, now).attributes["kling_batch.task"] = task
                yield from self._submitted(key, "accepted", now, "wait")
            case Cleared(key=key):
                yield from self._submitted(key, "not created", now)
            case Doubted(key=key):
                yield from self._submitted(key, "unsure", now)
            case Looked(key=key):
                yield self._looked(event, now)
            case Completed(key=key, usd=usd):
                yield from self._paid(key, usd, now)
                self._of(key, now).leave(now)
                self._of(key, now).enter("download", now)
            case Done(key=key, bytes=size):
                yield Figure(name=RECEIVED, amount=size)
                yield from self._ended(key, "done", now)
                yield Figure(name=JOBS, amount=1, attributes={"kling_batch.outcome": "done"})
            case Failed(key=key, failure=failure, usd=usd):
                yield from self._paid(key, usd, now)
                yield from self._ended(key, "failed", now, f"{failure.kind} {_code(failure.code)}")
            case Lost(key=key):
                yield from self._ended(key, "lost", now, "lost")
            case Held(key=key):
                yield from self._ended(key, "held", now)
            case _:
                pass

    def end(self, now: int) -> Iterator[Signal]:
        """Yield what is left when the run ends: jobs under way, and how all those ended that were not done."""
        for key in list(self._open):
            yield from self._ended(key, "left", now)
        for outcome in self._last.values():
            if outcome != "done":
                yield Figure(name=JOBS, amount=1, attributes={"kling_batch.outcome": outcome})

    def _of(self, key: Key, now: int) -> _Attempt:
        """Return the attempt of a job that is under way; one of an earlier run is taken up where it is heard of."""
        found = self._open.get(key)
        if found is None:
            record = self._known.get(key)
            attributes: dict[str, str | int | float] = {}
            if record is not None:
                attributes |= {"kling_batch.generation": record.generation, "kling_batch.attempt": record.attempt}
                attributes |= {"kling_batch.business_id": record.business_id} if record.business_id else {}
                attributes |= {"kling_batch.task": record.task} if record.task else {}
            expected = record.spent if record else None
            found = self._open[key] = _Attempt(begin=now, attributes=attributes, usd=expected)
        return found

    def _intended(self, event: Intended, now: int) -> None:
        attempt = self._open[event.key] = _Attempt(begin=now, attributes={}, usd=event.usd)
        attempt.attributes |= {
            "kling_batch.business_id": event.business_id,
            "kling_batch.generation": event.generation,
            "kling_batch.attempt": event.attempt,
        }
        attempt.enter("submit", now)

    def _submitted(self, key: Key, outcome: str, now: int, then: str = "") -> Iterator[Signal]:
        attempt = self._of(key, now)
        attempt.leave(now, outcome)
        if then:
            attempt.enter(then, now)
        yield Figure(name=SUBMITS, amount=1, attributes={"kling_batch.outcome": outcome})

    def _looked(self, event: Looked, now: int) -> Figure:
        attempt = self._of(event.key, now)
        if not attempt.phase:
            attempt.enter("wait", now)
        told: dict[str, str | int | float] = {"kling_batch.status": _code(event.status)}
        told |= {} if event.progress is None else {"kling_batch.progress": event.progress}
        attempt.marks.append(Mark(name="look", at=now, attributes=told))
        return Figure(name=LOOKS, amount=1)

    def _paid(self, key: Key, told: Decimal | None, now: int) -> Iterator[Figure]:
        """Yield what billing says an attempt cost, or what it was expected to."""
        attempt = self._of(key, now)
        usd = attempt.usd if told is None else told
        if usd is not None:
            attempt.attributes["kling_batch.usd"] = float(usd)
            yield Figure(name=SPENT, amount=float(usd))

    def _ended(self, key: Key, outcome: str, now: int, fault: str = "") -> Iterator[Signal]:
        attempt = self._of(key, now)
        attempt.leave(now, fault=fault)
        del self._open[key]
        self._last[key] = outcome
        attributes = {**attempt.attributes, "kling_batch.outcome": outcome}
        parts = tuple(attempt.parts)
        yield Span(name="job", begin=attempt.begin, end=now, attributes=attributes, parts=parts, fault=fault)
        seconds = (now - attempt.begin) / 1e9
        yield Figure(name=DURATION, amount=seconds, attributes={"kling_batch.outcome": outcome})


def _code(word: str) -> str:
    """Return a code of the service, or that it is something else: a sentence may quote the prompt."""
    return word if _CODE.fullmatch(word) else "other"
