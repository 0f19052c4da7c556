"""How far a run is, as its events tell it: where each job stands, money, tempo, the last failures. Pure.

Each event is taken in at the same small cost, however many jobs there are, and a `Glance` at it costs no more. A job
stands in one `Stage`, so that the stages always sum up to the jobs.
"""

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

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
from kling_batch.plan.cost import Sum
from kling_batch.plan.diff import Action, Change, Plan
from kling_batch.report.spending import Spending, caps
from kling_batch.report.tempo import Kind, Rate, Tempo

AT_REST = frozenset({Action.KEEP, Action.BLOCKED, Action.LOST, Action.ORPHAN})
IN_FLIGHT = frozenset({Action.RESUME, Action.FETCH, Action.UNSURE})
ACTIVE_ROWS = 8
FAILURE_ROWS = 3


class Stage(enum.Enum):
    """Where a job stands in a run, in words for people."""

    TO_SEND = "to send"
    SENDING = "being sent"
    UNSURE = "unsure"
    AT_SERVICE = "at the service"
    DOWNLOADING = "downloading"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    HELD = "held"


UNDER_WAY = frozenset({Stage.SENDING, Stage.UNSURE, Stage.AT_SERVICE, Stage.DOWNLOADING})
ENDED = frozenset({Stage.DONE, Stage.FAILED, Stage.LOST, Stage.HELD})
_FIRST = {
    Action.RESUME: (Stage.AT_SERVICE, "since an earlier run"),
    Action.FETCH: (Stage.DOWNLOADING, "made in an earlier run"),
    Action.UNSURE: (Stage.UNSURE, "to be looked up"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """One job that is under way: in what, and for how many seconds."""

    key: Key
    stage: Stage
    phase: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A run at one instant, as much of it as fits a screen; seconds, and USD.

    `active` are the longest under way, `failures` the latest jobs that failed, each with its reason. `left` is `None`
    where nobody knows how long the rest takes. `budget` is the tightest one, `budget_left` what it leaves.
    """

    jobs: int
    stages: Mapping[Stage, int]
    seconds: float
    left: float | None
    spent: Sum
    committed: Sum
    budget: Decimal | None
    budget_left: Decimal | None
    submits: int
    looks: int
    active: tuple[Active, ...]
    failures: tuple[tuple[Key, str], ...]

    @property
    def ended(self) -> int:
        """How many jobs this run is through with, whatever came of them."""
        return sum(self.stages.get(stage, 0) for stage in ENDED)

    @property
    def under_way(self) -> int:
        """How many jobs are between their intent and their end."""
        return sum(self.stages.get(stage, 0) for stage in UNDER_WAY)


def work_of(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return the changes about which a run does something; without any it makes no request."""
    return tuple(change for change in changes if change.action not in AT_REST)


def begun(plan: Plan, now: float) -> "Progress":
    """Return the progress of a run that begins now; what earlier runs have in flight is in flight."""
    settings, work = plan.settings, work_of(plan.changes)
    earlier = {each.key: each.record.spent for each in work if each.action in IN_FLIGHT and each.record}
    progress = Progress(
        began=now,
        spending=Spending(earlier=earlier, caps=caps((settings.budget, plan.spent), (plan.budget, Decimal(0)))),
        tempo=Tempo(in_flight=settings.in_flight, submit_per_second=settings.submit_per_second),
    )
    for change in work:
        stage, phase = _FIRST.get(change.action, (Stage.TO_SEND, ""))
        progress.add(change.key, _kind(change), stage, phase)
    return progress


def _kind(change: Change) -> Kind:
    """Return what a job's duration depends on; a file that is only moved is of a kind of its own."""
    if change.job is None or change.action in {Action.MOVE, Action.RESTORE}:
        return ()
    request = change.job.request
    return request.mode, request.duration, request.audio


@dataclass(slots=True)
class _Standing:
    """Where one job stands; `is_whole` says that this run saw it from its intent on."""

    kind: Kind
    stage: Stage
    phase: str
    began: float
    is_whole: bool = False


@dataclass(slots=True, kw_only=True)
class Progress:
    """The fold of a run's events; times in seconds on one clock of the caller's.

    A job may fail and be tried again within a run, so `failed` is one whose last word was a failure.
    """

    began: float
    spending: Spending
    tempo: Tempo
    _jobs: dict[Key, _Standing] = field(default_factory=dict)
    _active: dict[Key, _Standing] = field(default_factory=dict)
    _failures: dict[Key, str] = field(default_factory=dict)
    _stages: Counter[Stage] = field(default_factory=Counter)
    _submits: Rate = field(init=False)
    _looks: Rate = field(init=False)

    def __post_init__(self) -> None:
        self._submits, self._looks = Rate(began=self.began), Rate(began=self.began)

    def add(self, key: Key, kind: Kind, stage: Stage = Stage.TO_SEND, phase: str = "") -> _Standing:
        """Count one job more, where it stands when the run begins."""
        job = self._jobs[key] = _Standing(kind, stage, phase, self.began)
        self._stages[stage] += 1
        if stage is Stage.TO_SEND:
            self.tempo.to_send(kind)
        else:
            self._active[key] = job
            self.tempo.begin(kind, self.began)
        return job

    def see(self, event: Event, now: float) -> None:
        """Take in an event of now."""
        self.spending.see(event)
        match event:
            case Submitted():
                self._submits.note(now)
            case Looked() | Completed():
                self._looks.note(now)
        step = step_of(event)
        if step is None:
            return
        key, stage, phase = step
        job = self._jobs.get(key) or self.add(key, ())
        if job.stage is not stage:  # most events are of a job that stays where it is
            self._move(key, job, stage, now)
        job.phase = phase
        if stage in {Stage.FAILED, Stage.LOST}:
            self._failures[key] = phase

    def _move(self, key: Key, job: _Standing, stage: Stage, now: float) -> None:
        before, job.stage = job.stage, stage
        self._stages[before] -= 1
        self._stages[stage] += 1
        if before in {Stage.FAILED, Stage.LOST}:
            self._failures.pop(key, None)
        if (before in UNDER_WAY) is (stage in UNDER_WAY) and (before is Stage.TO_SEND) is (stage is Stage.TO_SEND):
            return
        self._leave(key, job, before, now)
        self._enter(key, job, before, now)

    def _leave(self, key: Key, job: _Standing, before: Stage, now: float) -> None:
        if before is Stage.TO_SEND:
            self.tempo.to_send(job.kind, -1)
        elif before in UNDER_WAY:
            del self._active[key]
            self.tempo.end(job.kind, job.began)
            if job.stage is Stage.DONE and job.is_whole:
                self.tempo.learn(job.kind, now - job.began)

    def _enter(self, key: Key, job: _Standing, before: Stage, now: float) -> None:
        if job.stage is Stage.TO_SEND:
            self.tempo.to_send(job.kind)
        elif job.stage in UNDER_WAY:
            job.began, job.is_whole = now, job.stage is Stage.SENDING
            self._active[key] = job
            self.tempo.begin(job.kind, now)
        elif before is Stage.TO_SEND and job.stage is Stage.DONE:
            self.tempo.learn(job.kind, 0.0)

    @property
    def share(self) -> float:
        """How much of the jobs has ended, from 0 to 1."""
        return sum(self._stages[stage] for stage in ENDED) / max(1, len(self._jobs))

    def glance(self, now: float) -> Glance:
        """Return what is to be seen of it now."""
        spending, submits = self.spending, self._submits.a_minute(now)
        active = islice(self._active.items(), ACTIVE_ROWS)
        return Glance(
            jobs=len(self._jobs),
            stages={stage: number for stage, number in self._stages.items() if number},
            seconds=now - self.began,
            left=self.tempo.left(now, submits),
            spent=spending.spent,
            committed=spending.committed,
            budget=spending.budget,
            budget_left=spending.left,
            submits=submits,
            looks=self._looks.a_minute(now),
            active=tuple(
                Active(key=key, stage=job.stage, phase=job.phase, seconds=now - job.began) for key, job in active
            ),
            failures=tuple(islice(reversed(self._failures.items()), FAILURE_ROWS)),
        )


Step = tuple[Key, Stage, str]


def step_of(event: Event) -> Step | None:  # noqa: C901, PLR0911 - one answer a case reads as a table
    """Return the job that an event is about, where it stands now, and in which words; `None` where it moves none."""
    match event:
        case Intended():
            return event.key, Stage.SENDING, "being sent"
        case Cleared():
            return event.key, Stage.TO_SEND, event.why
        case Doubted():
            return event.key, Stage.UNSURE, "nobody knows whether it was accepted, looked up"
        case Submitted():
            return event.key, Stage.AT_SERVICE, "accepted"
        case Looked():
            percent = "" if event.progress is None else f" {event.progress} %"
            return event.key, Stage.AT_SERVICE, f"{event.status or 'accepted'}{percent}"
        case Completed():
            return event.key, Stage.DOWNLOADING, "made"
        case Received():
            return event.key, Stage.DOWNLOADING, f"downloading {_share(event)}"
        case Done() | Moved() | Restored():
            return event.key, Stage.DONE, ""
        case Failed():
            return event.key, Stage.FAILED, f"{event.failure.kind}: {event.failure.message}"
        case Lost():
            return event.key, Stage.LOST, f"lost: {event.why}"
        case Held():
            return event.key, Stage.HELD, event.why
        case _:
            return None


def _share(event: Received) -> str:
    mebibytes = f"{event.bytes / 2**20:.1f} MiB"
    return f"{mebibytes} of {event.total / 2**20:.1f}" if event.total else mebibytes
