"""Jobs held against the lock: every row of design section 4, decided without clock, disk or network of its own."""

import enum
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from kling_batch.events import Failure
from kling_batch.job import Job, Key, light
from kling_batch.manifest.model import RunSettings
from kling_batch.plan.cost import Prices
from kling_batch.plan.history import History, asked_anew, changed_parts, earlier_video, result_of
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.picks import Pick, Verdict
from kling_batch.plan.record import Record, State, cost
from kling_batch.plan.renames import renamed


class Action(enum.Enum):
    """What a plan does with one job."""

    CREATE = "create"
    REDO = "redo"
    RESTORE = "restore"
    MOVE = "move"
    RESUME = "resume"
    FETCH = "fetch"
    LOST = "lost"
    KEEP = "keep"
    RETRY = "retry"
    BLOCKED = "blocked"
    UNSURE = "unsure"
    ORPHAN = "orphan"


class FileState(enum.Enum):
    """What lies at a record's output path."""

    ABSENT = "absent"
    SAME = "same"
    DIFFERENT = "different"


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One job's fate in a plan, and why.

    `because` is for people. `price` is what one submit of the job is expected to cost, in USD, `None` where it is
    unknown; `usd` is the same where the action `pays`. `generation` and `attempt` are those of the attempt that a
    paying action would make. `record` is what the lock knows, under `origin` if that is another key (a move; an origin
    that is the own key means that only the path differs). `mark` is one word that the action alone does not say:
    `elsewhere` (the file is not here), `pruned` (so is this, on purpose), `changed` (the file here is not the recorded
    one, and stays as it is), `picked` (it would be drawn anew if nobody had picked what is there). `stray` is where the
    file that lies in the way belongs: a cut-off move has left it there, and it goes back first.
    """

    key: Key
    action: Action
    because: str
    pays: bool = False
    usd: Decimal | None = None
    price: Decimal | None = None
    job: Job | None = None
    record: Record | None = None
    origin: Key | None = None
    generation: int = 1
    attempt: int = 1
    mark: str = ""
    stray: str = ""

    @property
    def state(self) -> State:
        """Where the job stands before the plan is carried out; it is lost as soon as its link is dead."""
        known = self.record.state if self.record else State.PENDING
        return State.LOST if self.action is Action.LOST else known


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a run needs to know: the engine sees this and nothing else, no manifest and no flags.

    `spent` is what all records together have cost or may cost, in USD. `budget` caps one invocation, `limit` its
    submits. `look_up` says whether look-up by business id is proven on this service and model already. A plan that
    `reads_only` is settled and collected; nothing is submitted for it, whatever the service answers.
    """

    project: str
    service: str
    changes: tuple[Change, ...]
    settings: RunSettings
    spent: Decimal
    look_up: bool = False
    budget: Decimal | None = None
    limit: int | None = None
    reads_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a plan has to know of the world: Unix seconds now, what lies at an output path, and what was asked for.

    `retry_rejected`: `--retry rejected` was given. `retries` is `run.retries`. `picks` are what people chose; what they
    picked is drawn anew only with `redo_picked`.
    """

    now: float
    file: Callable[[Record], FileState]
    retries: int
    retry_rejected: bool = False
    picks: Mapping[Key, Pick] = field(default_factory=dict)
    redo_picked: bool = False


def compare(jobs: Iterable[Job], lock: Lock, prices: Prices, outlook: Outlook) -> tuple[Change, ...]:
    """Return one change for each job, in the order of the manifest, then one for each orphan, by key."""
    every = tuple(jobs)
    orphans = {key: lock.jobs[key] for key in sorted(lock.jobs.keys() - {job.key for job in every})}
    new = (job for job in every if job.key not in lock.jobs or lock.jobs[job.key].is_blank)
    origins = renamed(new, orphans)
    judge = _Judge(history=History(lock), prices=prices, outlook=outlook)
    changes = [
        judge.change(job, lock.jobs.get(job.key))
        if (origin := origins.get(job.key)) is None
        else judge.taken_over(job, orphans.pop(origin), origin)
        for job in every
    ]
    return (*changes, *(_orphan(key, record) for key, record in orphans.items()))


def counts(changes: Iterable[Change]) -> Mapping[Action, int]:
    """Return how many changes there are of each action that occurs."""
    return Counter(change.action for change in changes)


def _orphan(key: Key, record: Record) -> Change:
    paid = cost(record)
    running = " while it was in flight" if record.is_in_flight else ""
    because = f"gone from the manifest{running}; {f'it cost ${paid:f}' if paid else 'it cost nothing'}"
    return Change(key=key, action=Action.ORPHAN, because=because, record=record)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    """Decides about one job at a time."""

    history: History
    prices: Prices
    outlook: Outlook

    def change(self, job: Job, record: Record | None) -> Change:
        """Return what becomes of a job; the order of the questions is that of the table."""
        if record is None or record.is_blank:
            return self._create(job, record)
        if record.is_in_flight and not (record.spec != job.spec.hash and self._is_dead(record)):
            return self._in_flight(job, record)
        if record.spec != job.spec.hash:
            return self._edited(job, record)
        return self._unchanged(job, record)

    def _unchanged(self, job: Job, record: Record) -> Change:
        match record.state:
            case State.PENDING:
                because = "its submit bought nothing" if record.business_id else asked_anew(record)
                action = Action.RETRY if record.attempts else Action.REDO
                return self._again(job, record, action, because, record.attempt)
            case State.FAILED:
                return self._failed(job, record)
            case State.DONE:
                return self._done(job, record)
            case _:
                return self._lost(job, record)

    def taken_over(self, job: Job, record: Record, origin: Key) -> Change:
        """Return the move of an orphan to a job that asks for the same."""
        goes_on = "; it goes on under its new name in the next run" if record.is_in_flight else ""
        mark = self._mark(record) if record.state is State.DONE else ""
        return self._free(job, record, Action.MOVE, f"renamed from `{origin}`{goes_on}", origin=origin, mark=mark)

    def _create(self, job: Job, record: Record | None) -> Change:
        if record and record.business_id and record.spec == job.spec.hash:
            return self._again(job, record, Action.CREATE, "its submit bought nothing", record.attempt)
        because = "not sent yet" if record else "not in the lock yet"
        return self._pay(job, record, Action.CREATE, because, self.history.next_generation(job, record))

    def _in_flight(self, job: Job, record: Record) -> Change:
        after = f"; {changed_parts(record, job)}, which comes after it" if record.spec != job.spec.hash else ""
        if record.state is State.UNSURE:
            because = "nobody knows whether its submit made a task; it is looked up, never sent first"
            return self._free(job, record, Action.UNSURE, because + after)
        if record.expires is None:
            return self._free(job, record, Action.RESUME, f"task `{record.task}` is not final yet{after}")
        if self._is_dead(record):
            return self._lost(job, record)
        return self._free(job, record, Action.FETCH, f"task `{record.task}` is completed, its video not here{after}")

    def _edited(self, job: Job, record: Record) -> Change:
        changed = changed_parts(record, job)
        kept = earlier_video(record, job.spec.hash)
        there = FileState.DIFFERENT if kept is None else self.outlook.file(kept)
        if kept is not None and there is not FileState.DIFFERENT:
            because = f"{changed} back to what made `{kept.output}`"
            mark = "elsewhere" if there is FileState.ABSENT else ""
            return self._free(job, record, Action.RESTORE, because, mark=mark)
        if self._is_picked(job.key, record) and not self.outlook.redo_picked:
            because = f"{changed}, but what is there is picked; `--redo-picked` draws it anew"
            return self._free(job, record, Action.BLOCKED, because, mark="picked")
        return self._pay(job, record, Action.REDO, changed, self.history.next_generation(job, record))

    def _is_picked(self, key: Key, record: Record) -> bool:
        pick, video = self.outlook.picks.get(key), result_of(record)
        return bool(pick and pick.verdict is Verdict.PICK and video and pick.is_of(video.sha256))

    def _failed(self, job: Job, record: Record) -> Change:
        """Return a new try, or that somebody has to ask for it: by `--retry`, or by another request."""
        failure = record.failure
        code = f" ({failure.code})" if failure and failure.code else ""
        reason = f"failed: {failure.message}{code}" if failure else "failed"
        match failure:
            case _ if record.is_damaged:
                blocked = f"kept as `{record.output}.suspect`; `import` has its task fetched again, `redo` buys it anew"
            case None | Failure(kind="rejected" | "invalid"):
                blocked = "the same request would fail again"
            case _ if record.charged:
                blocked = f"the service charged ${record.spent or 0:f} for it"
            case _ if record.attempt >= 3 * (self.outlook.retries + 1):
                blocked = f"{record.attempt} attempts are enough"
            case _:
                blocked = ""
        if blocked and not self.outlook.retry_rejected:
            return self._free(job, record, Action.BLOCKED, f"{reason}; {blocked}")
        return self._again(job, record, Action.RETRY, reason, record.attempt + 1)

    def _done(self, job: Job, record: Record) -> Change:
        mark = self._mark(record)
        if record.output != job.output:
            because = f"its path changes from `{record.output}` to `{job.output}`"
            return self._free(job, record, Action.MOVE, because, origin=job.key, mark=mark)
        told = {
            "elsewhere": "done, its file not here; `verify --fetch` asks the service for it",
            "pruned": "done, its file thrown away: another take was picked",
            "changed": "done, but the file here is not the one that was made; it is left alone",
        }
        return self._free(job, record, Action.KEEP, told.get(mark, "done"), mark=mark)

    def _lost(self, job: Job, record: Record) -> Change:
        paid = f" for ${record.spent:f}" if record.spent else ""
        if record.task is None:
            because = f"given up while nobody knew whether it was bought{paid}; `redo` buys it anew"
            return self._free(job, record, Action.LOST, because)
        because = f"task `{record.task}` was bought{paid}, and its link is dead; `redo` buys it again"
        return self._free(job, record, Action.LOST, because)

    def _is_dead(self, record: Record) -> bool:
        return record.expires is not None and record.expires <= self.outlook.now

    def _mark(self, record: Record) -> str:
        there = self.outlook.file(record)
        if there is FileState.ABSENT:
            return "pruned" if record.pruned else "elsewhere"
        return "changed" if there is FileState.DIFFERENT else ""

    def _again(self, job: Job, record: Record, action: Action, because: str, attempt: int) -> Change:
        """Return one more attempt in the same generation."""
        told = f"{because}; attempt {attempt}" if attempt > 1 else because
        return self._pay(job, record, action, told, record.generation, attempt)

    def _pay(
        self, job: Job, record: Record | None, action: Action, because: str, generation: int, attempt: int = 1
    ) -> Change:
        price = self.prices.usd(job.request)
        return Change(
            key=job.key,
            action=action,
            because=because,
            pays=True,
            usd=price,
            price=price,
            job=job,
            record=record,
            generation=generation,
            attempt=attempt,
        )

    def _free(
        self, job: Job, record: Record, action: Action, because: str, *, origin: Key | None = None, mark: str = ""
    ) -> Change:
        return Change(
            key=job.key,
            action=action,
            because=because,
            price=self.prices.usd(job.request),
            job=job,
            record=record,
            origin=origin,
            generation=record.generation,
            attempt=record.attempt,
            mark=mark,
        )
