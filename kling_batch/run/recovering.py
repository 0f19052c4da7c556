"""A lock rebuilt after it was lost: from what the journal still says, the sidecars beside videos, and the service.

Each source only adds what the ones before do not know. All of it is put down as facts, journal first, as in a run; a
task that was paid for therefore ends in the lock, and no plan buys it again. Nothing is ever submitted.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, count
from typing import TypeAlias

import anyio

from kling_batch.api.answers import Absent, Completed, Fault, FaultKind, Running, TaskFailed
from kling_batch.api.pace import Pacer
from kling_batch.errors import AccountError, KlingBatchError, StateError
from kling_batch.events import Completed as CompletedFact
from kling_batch.events import Fact, Failed, Intended, LookUpJudged, Submitted
from kling_batch.job import MODEL, BusinessId, Job, Key, TaskId, business_id
from kling_batch.plan.cost import Prices
from kling_batch.plan.join import tasks
from kling_batch.plan.lockfile import Lock, fold
from kling_batch.plan.record import State
from kling_batch.plan.renames import renamed
from kling_batch.plan.select import Selection, selected, selection_of
from kling_batch.run.journal import open_journal
from kling_batch.run.leavings import Draw, draws
from kling_batch.run.lifecycle import told
from kling_batch.run.planning import journal_of, lock_of
from kling_batch.run.ports import Service
from kling_batch.run.replay import Replayed
from kling_batch.run.resolving import enter
from kling_batch.run.workspace import Campaign, prices

TRIES = 5
FIRST_WAIT = 1.0  # seconds before a second try, doubled each time
GAP = 2  # absent attempts in a row after which no more are looked for: one that was refused left no task
AT_ONCE = 8

Seen: TypeAlias = Running | Completed | TaskFailed | Absent


@dataclass(slots=True, kw_only=True)
class Recovery:
    """What is known of a campaign whose lock is lost, and the facts that bring it back, in their order.

    `before` is what the journal still tells, `content` the lock file (one without jobs, or empty if there is none).
    `meant` are the keys that are sought in a lock which has only lost some, `None` where all of it is lost.
    """

    campaign: Campaign
    before: Lock
    content: bytes
    replayed: Replayed
    facts: list[Fact] = field(default_factory=list)
    files: tuple[Draw, ...] = ()
    meant: frozenset[Key] | None = None
    asked: bool = False

    @property
    def lock(self) -> Lock:
        """What the lock will say."""
        return fold(self.before, self.facts)

    @property
    def unknown(self) -> tuple[Key, ...]:
        """The jobs of the manifest of which nothing was found, under no name: a run would buy them."""
        known, every = self.lock.jobs, frozenset(job.key for job in self.campaign.manifest.jobs)
        missing = [job for job in self.jobs if job.key not in known or known[job.key].state is State.PENDING]
        orphans = {key: record for key, record in known.items() if key not in every}
        origins = renamed(missing, orphans)
        return tuple(job.key for job in missing if job.key not in origins)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs of the manifest that are sought."""
        return tuple(job for job in self.campaign.manifest.jobs if self.meant is None or job.key in self.meant)


def recover(campaign: Campaign, only: Selection | None = None) -> Recovery:
    """Return what journal and files know; to be held.

    With `only` the lock is there and has lost some jobs: of those that are meant, each of which it knows nothing is
    sought, and what it knows stays. Raises `StateError` where there is a lock already (with `only`: where there is
    none, since one with some of the jobs would count as whole), or the journal is damaged.
    """
    lock, content = lock_of(campaign)
    if only is not None and (lock is None or not lock.jobs):
        raise StateError(
            "there is no lock, and one that knows some of the jobs would count as whole: nothing was changed",
            help="leave the selectors out",
        )
    if only is None and lock is not None and lock.jobs:
        raise StateError(
            f"`{campaign.places.lock.name}` is there, and is never overwritten: nothing was changed",
            help="`status` shows what it knows; move it away first if it is the wrong one",
        )
    replayed = journal_of(campaign, content)
    empty = lock or Lock(project=campaign.manifest.project, service=campaign.service, jobs={})
    before = _folded(empty, replayed.facts)
    found = Recovery(campaign=campaign, before=before, content=content, replayed=replayed)
    if only is not None:
        found.meant = _forgotten(campaign, before, only)
    known = {task for record in before.jobs.values() for task in tasks(record)}
    files = {record.sha256 for each in before.jobs.values() for record in (each, *each.past)}
    found.files = tuple(
        draw
        for draw in draws(campaign)
        if draw.task not in known
        and not (draw.video and draw.video.sha256 in files)
        and (found.meant is None or draw.key in found.meant)
    )
    found.facts += [fact for draw in found.files for fact in draw.facts()]
    return found


def _forgotten(campaign: Campaign, lock: Lock, only: Selection) -> frozenset[Key]:
    """Return the keys that are meant and of which the lock knows nothing."""
    known = {key for key, record in lock.jobs.items() if not record.is_blank}
    keys = (job.key for job in campaign.manifest.jobs if job.key not in known)
    return selected(selection_of(only, campaign.manifest.chosen), ((key, State.PENDING) for key in keys))


def _folded(lock: Lock, facts: Iterable[Fact]) -> Lock:
    """Return what facts tell, but for those about jobs which only the lost lock knew."""
    for fact in facts:
        try:
            lock = fold(lock, [fact])
        except ValueError:
            continue
    return lock


async def ask(found: Recovery, service: Service) -> None:
    """Look every job up under the ids that it would have been sent with, and add the facts of what is there.

    Raises `AccountError` and `StateError` where the service does not answer: who cannot ask does not know.
    """
    manifest = found.campaign.manifest
    rate = manifest.run.look_per_second
    asking = _Asking(service=service, pace=Pacer(rate, burst=max(1, int(rate))))
    search = _Search(
        project=manifest.project,
        lock=found.lock,
        prices=prices(found.campaign),
        asking=asking,
        known=found.files,
        taken=frozenset(task for record in found.lock.jobs.values() for task in tasks(record)),
    )
    searches = [search.file(draw) for draw in found.files] + [search.job(job) for job in found.jobs]
    limiter, failures = anyio.Semaphore(AT_ONCE), list[KlingBatchError]()
    facts: list[list[Fact]] = [[] for _ in searches]

    async def one(at: int, told: AsyncIterator[Fact]) -> None:
        async with limiter:
            try:
                facts[at] = [fact async for fact in told]
            except KlingBatchError as error:
                failures.append(error)
                group.cancel_scope.cancel()

    judged = await search.judged()
    async with anyio.create_task_group() as group:
        for at, told in enumerate(searches):
            group.start_soon(one, at, told, name="look up")
    if failures:
        raise failures[0]
    found.facts = [*judged, *chain.from_iterable(facts)]
    found.asked = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """Asks one question until it is answered."""

    service: Service
    pace: Pacer

    async def look(self, identifier: str) -> Seen:
        """Return what the service says of a task; raises `AccountError` or `StateError` where it says nothing."""
        fault = Fault(kind=FaultKind.UNCLEAR)
        for number in range(TRIES):
            await anyio.sleep(self.pace.reserve(anyio.current_time()))
            answer = await self.service.look(identifier)
            if not isinstance(answer, Fault):
                return answer
            fault = answer
            if fault.kind in {FaultKind.AUTH, FaultKind.CONFIGURATION}:
                raise AccountError(f"{told(fault)}: nothing was written", help="check the key and the address")
            await anyio.sleep(FIRST_WAIT * 2**number if fault.wait is None else fault.wait)
        raise StateError(
            f"the service does not tell what it knows ({told(fault)}): nothing was written",
            help="recover again later; who cannot ask does not know what is paid for",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """Finds tasks by the business ids that our jobs have."""

    project: str
    lock: Lock
    prices: Prices
    asking: _Asking
    known: tuple[Draw, ...]
    taken: frozenset[TaskId]

    async def judged(self) -> list[Fact]:
        """Return that look-up is proven, if a task that is known is found by its business id."""
        for draw in self.known:
            if draw.business_id and draw.task:
                answer = await self.asking.look(draw.business_id)
                found = isinstance(answer, Running | Completed | TaskFailed) and answer.task == draw.task
                return [LookUpJudged(model=MODEL, proven=True)] if found else []
        return []

    async def file(self, draw: Draw) -> AsyncIterator[Fact]:
        """Yield the facts of a draw that a sidecar tells of, those of the attempts before it first."""
        for attempt in range(1, draw.attempt):
            own = business_id(self.project, draw.key, draw.spec, draw.generation, attempt)
            answer = await self.asking.look(own)
            if not isinstance(answer, Absent) and answer.task not in self.taken:
                yield draw.intent(attempt, own)
                for fact in _told_by(draw.key, answer):
                    yield fact
        for fact in draw.facts():
            yield fact

    async def job(self, job: Job) -> AsyncIterator[Fact]:
        """Yield what the service knows of a job beyond the lock, generation by generation, attempt by attempt."""
        for generation in count(self._next(job)):
            missed, attempt = 0, 0
            found = False
            while missed < GAP:
                attempt += 1
                own = business_id(self.project, job.key, job.spec.hash, generation, attempt)
                answer = await self.asking.look(own)
                if isinstance(answer, Absent) or answer.task in self.taken:
                    missed += 1
                    continue
                missed, found = 0, True
                yield self._intent(job, generation, attempt, own)
                for fact in _told_by(job.key, answer):
                    yield fact
            if not found:
                return

    def _next(self, job: Job) -> int:
        """Return the first generation of a job's request of which the lock knows nothing."""
        record = self.lock.jobs.get(job.key)
        drawn = (record, *record.past) if record else ()
        known = [each.generation for each in drawn if each.spec == job.spec.hash and each.state is not State.PENDING]
        return max(known, default=0) + 1

    def _intent(self, job: Job, generation: int, attempt: int, own: BusinessId) -> Intended:
        return Intended(
            key=job.key,
            spec=job.spec.hash,
            parts=job.spec.parts,
            generation=generation,
            attempt=attempt,
            business_id=own,
            output=job.output,
            usd=self.prices.usd(job.request),
        )


def _told_by(key: Key, answer: Seen) -> Iterator[Fact]:
    """Yield what an answer about a job's task tells; one that names no task leaves the job unsure."""
    match answer:
        case Running(task=str() as task):
            yield Submitted(key=key, task=TaskId(task))
        case Completed(task=str() as task, expires=expires, billing=billing):
            yield Submitted(key=key, task=TaskId(task))
            yield CompletedFact(key=key, task=TaskId(task), expires=expires, usd=billing.usd if billing else None)
        case TaskFailed(task=str() as task, failure=failure, billing=billing):
            yield Submitted(key=key, task=TaskId(task))
            refunded = billing is not None and billing.refunded
            usd = billing.usd if billing and not refunded else None
            yield Failed(key=key, failure=failure, usd=Decimal(0) if refunded else usd)
        case _:
            return


def write(found: Recovery) -> None:
    """Write journal and lock; to be held. Raises `StateError` and `DiskError` as a run does."""
    places = found.campaign.places
    journal, file = open_journal(places.journal, found.replayed, lock=found.before, content=found.content)
    try:
        anyio.run(enter, found.campaign, found.before, journal, found.facts)
    finally:
        file.close()
