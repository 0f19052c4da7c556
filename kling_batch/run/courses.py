"""The jobs of a plan as a run sees them: where each one starts, pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from kling_batch.job import BusinessId, Job, Key, SpecHash, TaskId, business_id
from kling_batch.plan.diff import Action, Change, Plan
from kling_batch.plan.record import Record, State
from kling_batch.run.states import Doubtful, Ready, Waiting
from kling_batch.run.states import State as RunState

ROUNDS = 3  # runs that may try a job anew, before somebody has to ask for it (design 5.3)


@dataclass(slots=True, kw_only=True, eq=False)
class Course:
    """One job on its way through a run.

    `business_id` is that of the attempt it is in. `since` is when this run began to wait for it and `seen` when it last
    was still running, both on the engine's clock; `sent` says whether the intent of its latest submit is recorded;
    `output` is where its video goes; after `last_attempt` it is not tried again by itself; `expires` (Unix seconds) is
    when its link dies. `paid` is set while it is about an attempt of an earlier run, `edited` if the manifest asks for
    something else by now; `old_sha256` is the file of the generation before, which may be set aside, `expected` that of
    the video itself where it was here before.
    """

    job: Job
    project: str
    service: str
    spec: SpecHash
    state: RunState
    business_id: BusinessId
    generation: int
    last_attempt: int
    price: Decimal | None
    output: str
    paid: bool = False
    edited: bool = False
    old_sha256: str | None = None
    expected: str | None = None
    since: float | None = None
    seen: float = 0.0
    sent: bool = False
    expires: int | None = None

    @property
    def key(self) -> Key:
        """The job's key."""
        return self.job.key

    @property
    def charge(self) -> Decimal | None:
        """USD that its next submit adds: nothing where the cost is in the lock already; `None` if unknown."""
        return Decimal(0) if self.paid else self.price

    @property
    def kind(self) -> tuple[object, ...]:
        """What a task's duration depends on, as far as is known."""
        request = self.job.request
        return request.mode, request.duration, request.audio


def set_out(plan: Plan) -> Iterator[Course]:
    """Return the courses of all jobs that a run has to do something about at the service, in the plan's order."""
    places = {change.job.output: change.key for change in plan.changes if change.job}
    for change in plan.changes:
        job, record = change.job, change.record
        match change.action:
            case Action.CREATE | Action.REDO | Action.RETRY if job and not plan.reads_only:
                yield _to_buy(plan, change, job)
            case Action.UNSURE | Action.RESUME | Action.FETCH if job and record:
                planned = record.output if places.get(record.output or "", job.key) == job.key else None
                yield _bought(plan, change, job, record, planned or job.output)
            case _:
                pass


def _to_buy(plan: Plan, change: Change, job: Job) -> Course:
    return Course(
        job=job,
        project=plan.project,
        service=plan.service,
        spec=job.spec.hash,
        old_sha256=_latest_file(change.record),
        state=Ready(attempt=change.attempt),
        business_id=_own_id(plan, change, job),
        generation=change.generation,
        last_attempt=_last_attempt(plan, change.attempt),
        price=change.price,
        output=job.output,
    )


def _own_id(plan: Plan, change: Change, job: Job) -> BusinessId:
    """Return the id of the attempt to come; one that a person sends again keeps its own, also under another key."""
    record, attempt = change.record, (job.spec.hash, change.generation, change.attempt)
    if record and record.state is State.PENDING and record.business_id and (*record.draw, record.attempt) == attempt:
        return record.business_id
    return business_id(plan.project, job.key, *attempt)


def _bought(plan: Plan, change: Change, job: Job, record: Record, output: str) -> Course:
    own = record.business_id or business_id(plan.project, job.key, record.spec, record.generation, record.attempt)
    attempt = record.attempt
    return Course(
        job=job,
        project=plan.project,
        service=plan.service,
        spec=record.spec,
        old_sha256=_latest_file(record),
        state=Waiting(attempt=attempt, task=record.task) if record.task else Doubtful(attempt=attempt),
        business_id=own,
        generation=record.generation,
        last_attempt=_last_attempt(plan, attempt),
        price=change.price,
        output=job.output if change.origin else output,
        paid=True,
        edited=record.spec != job.spec.hash,
        expires=record.expires,
    )


def _last_attempt(plan: Plan, attempt: int) -> int:
    """Return the last attempt that may follow by itself: so many a run, and three runs' worth a generation."""
    retries = plan.settings.retries
    return min(attempt + retries, max(attempt, ROUNDS * (retries + 1)))


def _latest_file(record: Record | None) -> str | None:
    """Return the checksum of the job's result as it stands, also while a newer generation is on its way."""
    records = (record, *reversed(record.past)) if record else ()
    return next((each.sha256 for each in records if each.sha256), None)


def known_task(plan: Plan) -> tuple[BusinessId, TaskId] | None:
    """Return a task by which look-up can be proven for free, if the plan may need the proof: a running one first."""
    if not any(change.pays or change.action is Action.UNSURE for change in plan.changes):
        return None
    best: tuple[BusinessId, TaskId] | None = None
    for change in plan.changes:
        record = change.record
        if record and record.business_id and record.task:
            best = (record.business_id, record.task)
            if record.state is State.SUBMITTED:
                break
    return best


def owners(plan: Plan) -> dict[TaskId, Key]:
    """Return which job each task of the lock belongs to."""
    records = ((change.key, change.record) for change in plan.changes)
    return {record.task: key for key, record in records if record and record.task}
