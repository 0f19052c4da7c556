"""One run, from the run lock to the lock file: what `kling_batch.run` does."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

from kling_batch import store
from kling_batch.api.answers import Allowance, Balance
from kling_batch.api.origin import GATEWAY, Origin, checked_key, origin_of
from kling_batch.api.pace import Pacer
from kling_batch.events import Event, Told
from kling_batch.job import Image, Key
from kling_batch.plan.cost import total
from kling_batch.plan.diff import Action, Plan
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import Record, State
from kling_batch.run import holding, moves, workspace
from kling_batch.run.book import Book
from kling_batch.run.carrier import Carrier
from kling_batch.run.collect import Collector, Offload
from kling_batch.run.engine import Engine
from kling_batch.run.gate import Halt
from kling_batch.run.journal import Journal
from kling_batch.run.outcome import Outcome
from kling_batch.run.picking import rename_picks
from kling_batch.run.ports import Service
from kling_batch.run.shelf import Shelf
from kling_batch.run.states import Dead, Gone, Left, Unsettled
from kling_batch.run.uploads import Uploads
from kling_batch.run.workspace import Campaign

BALANCE_WAIT = 5.0  # seconds for a question that is only a courtesy
FEW = 3  # reasons of single jobs that are told
LAST_WORDS = 30.0  # seconds for the last checkpoint once everything else is cancelled
ACTIVE = frozenset(
    {Action.CREATE, Action.REDO, Action.RETRY, Action.RESUME, Action.FETCH, Action.UNSURE, Action.MOVE, Action.RESTORE}
)

P = ParamSpec("P")
T = TypeVar("T")


def is_empty(plan: Plan) -> bool:
    """Say whether a run of this plan would do nothing at all."""
    return not any(change.action in ACTIVE for change in plan.changes) and not moves.openings(plan.changes)


def run(
    campaign: Campaign,
    plan: Plan,
    *,
    api_key: str,
    base_url: str | None = None,
    proxy: str | None = None,
    grace: float = 60.0,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Outcome:
    """Carry a plan out against the service, and record every step before believing it.

    `on_event` sees each event in the order in which it became true; `grace` is how long, in seconds, what is on the
    wire may take after the first Ctrl-C. Raises `LockHeldError`, `StateError` (the lock has changed since the plan was
    made), `AccountError` and `DiskError`; a failed job is an outcome, never an exception.
    """
    origin, key = origin_of(base_url or GATEWAY), checked_key(api_key)
    with holding.hold(campaign), holding.journal(campaign, plan) as (lock, journal):
        return anyio.run(_over_http, Run(campaign, plan, lock, journal, on_event, grace=grace), origin, key, proxy)


async def _over_http(run: "Run", origin: Origin, key: str, proxy: str | None) -> Outcome:
    from kling_batch.api.client import Client  # noqa: PLC0415 - httpx and aiohttp are imported only to send

    async with Client(origin, key, proxy=proxy, on_rate=run.learn) as service:
        return await run.against(service)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work beside the loop."""
    return await anyio.to_thread.run_sync(lambda: work(*args, **kwargs))


@dataclass(slots=True)
class Run:
    """What one run is made of; clock, dice and threads can be other ones."""

    campaign: Campaign
    plan: Plan
    lock: Lock
    journal: Journal
    show: Callable[[Event], None]
    offload: Offload = in_thread
    wall: Callable[[], float] = time.time
    dice: random.Random = field(default_factory=random.Random)
    grace: float = 60.0
    engine: Engine = field(init=False)
    submit_pace: Pacer = field(init=False)
    look_pace: Pacer = field(init=False)

    def __post_init__(self) -> None:
        self.submit_pace, self.look_pace = (
            Pacer(rate, burst=max(1, int(rate)))
            for rate in (self.plan.settings.submit_per_second, self.plan.settings.look_per_second)
        )

    def learn(self, told: Allowance) -> None:
        """Take in what the service says about its rate limits."""
        pace = self.submit_pace if told.category == "async_submit" else self.look_pace
        pace.learn(anyio.current_time(), told)

    async def against(self, service: Service) -> Outcome:
        """Run the plan against a service; the lock is written at the end, whatever the end is."""
        places = self.campaign.places

        async def save(text: bytes) -> None:
            await self.offload(store.write_atomic, places.lock, text)

        book = Book(lock=self.lock, journal=self.journal, save=save, show=self.show)
        engine = self.engine = self._engine(service, book)
        try:
            await self._prepare(service, book)
            async with anyio.create_task_group() as beside:
                beside.start_soon(book.keep_up, name="checkpoints")
                beside.start_soon(_listen, engine, name="signals")
                await engine.run()
                beside.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(LAST_WORDS, shield=True):
                await book.checkpoint()
        if engine.disk is not None:
            raise engine.disk
        await self.offload(self.campaign.seen.save)
        return self._outcome(engine, book.jobs)

    def _engine(self, service: Service, book: Book) -> Engine:
        folder = self.campaign.places.manifest.parent
        shelf = Shelf(root=self.campaign.places.outputs, seen=self.campaign.seen)
        collector = Collector(service=service, shelf=shelf, offload=self.offload)

        async def read(image: Image) -> bytes:
            return await self.offload(workspace.read_image, folder, image)

        carrier = Carrier(
            service=service,
            collector=collector,
            uploads=Uploads(service, read),
            record=book.record,
        )
        return Engine(
            plan=self.plan,
            carrier=carrier,
            record=book.record,
            wall=self.wall,
            dice=self.dice,
            submit_pace=self.submit_pace,
            look_pace=self.look_pace,
            grace=self.grace,
        )

    async def _prepare(self, service: Service, book: Book) -> None:
        """Do what needs no service, give every job a record, and ask once whether the money will do."""
        changes, shelf = self.plan.changes, Shelf(root=self.campaign.places.outputs)
        await self.offload(rename_picks, self.campaign, moves.new_names(changes))
        for fact in await self.offload(lambda: list(moves.carry_out(changes, shelf))):
            await book.record(fact)
        await book.record_all(moves.openings(changes))
        await book.checkpoint()
        needed = total(change.usd for change in changes if change.pays)
        if not needed.usd:
            return
        with anyio.move_on_after(BALANCE_WAIT):
            match await service.balance():
                case Balance(usd=Decimal() as usd) if usd < needed.usd:
                    message = f"the account holds ${usd}, and this plan costs ${needed.usd}"
                    await book.record(Told(level="warning", message=message))
                case _:
                    pass

    def _outcome(self, engine: Engine, jobs: Mapping[Key, Record]) -> Outcome:
        mine = (jobs[job.key].state for job in self.campaign.manifest.jobs if job.key in jobs)
        left = {
            course.key: course.state.why
            for course in engine.courses.values()
            if isinstance(course.state, Left | Unsettled | Gone)
        }
        return Outcome(
            exit_code=exit_code(engine, self.plan),
            reasons=_reasons(engine),
            counts=Counter(mine),
            spent=engine.gate.bought,
            submits=engine.gate.submits,
            left=left,
        )


def _reasons(engine: Engine) -> tuple[str, ...]:
    """Return why submitting stopped, the gravest first, then why single jobs were left, each text once."""
    halts = engine.gate.halts
    left = dict.fromkeys(course.state.why for course in engine.courses.values() if isinstance(course.state, Left))
    told = tuple(dict.fromkeys([halts[reason] for reason in sorted(halts, reverse=True)]))
    return (*told, *[why for why in left if not any(each.startswith(why) for each in told)][:FEW])


def _leaves_work(plan: Plan) -> bool:
    """Say whether the plan itself ends before its jobs do: what ran was renamed or edited, and the rest comes next."""
    return not plan.reads_only and any(
        (change.action is Action.MOVE and change.state is State.SUBMITTED)
        or (
            change.action is Action.RESUME
            and change.job
            and change.record
            and change.job.spec.hash != change.record.spec
        )
        for change in plan.changes
    )


def exit_code(engine: Engine, plan: Plan) -> int:
    """Return the code of design section 7 for the way a run ended."""
    states = [course.state for course in engine.courses.values()]
    actions = {change.action for change in plan.changes}
    codes = {int(reason) for reason in engine.gate.halts}
    if Action.LOST in actions or any(isinstance(state, Unsettled | Gone) for state in states):
        codes.add(int(Halt.HUMAN))
    if any(isinstance(state, Left) and not state.blocked for state in states) or _leaves_work(plan):
        codes.add(int(Halt.CAPPED))
    if Action.BLOCKED in actions or any(isinstance(state, Dead | Left) for state in states):
        codes.add(4)
    return max(codes, default=0)


async def _listen(engine: Engine) -> None:
    """Stop softly at the first signal and at once at the second; both leave everything resumable."""
    if threading.current_thread() is not threading.main_thread():
        return  # signals come to the main thread alone
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for number in signals:
            if Halt.SIGNAL in engine.gate.halts:
                engine.abort()
            engine.stop(f"interrupted by {signal.Signals(number).name}")
