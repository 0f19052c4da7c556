"""One seed, one whole story: a campaign, a service in bad weather, processes that die, and what is true in the end."""

import hashlib
import random
import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import oracle
import storms
import virtual_time
from endings import Ending, SlowTape, Weather, ending
from mortal import Mortal, alive
from pretended import EPOCH
from storms import Script, Storm
from stormy import Stormy

import kling_batch
from kling_batch import store
from kling_batch.errors import DiskError
from kling_batch.events import Completed, Event, Fact
from kling_batch.plan.diff import Plan
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.lockfile import format as format_lock
from kling_batch.plan.record import State
from kling_batch.run import holding, workspace
from kling_batch.run.outcome import Outcome
from kling_batch.run.planning import lock_of
from kling_batch.run.runner import Run, is_empty
from kling_batch.sandbox.world import World

CALM_RUNS = 10
LONGEST = 6 * 3600.0  # virtual seconds that any run may take
FOREIGN = b"this file is somebody else's"


_LOADED: dict[tuple[Path, str], workspace.Campaign] = {}
"""Campaigns by folder and text: what a seed draws of settings is put in afterwards."""


def unsure(lock: Lock) -> frozenset[str]:
    """Return the business ids that nobody knows the outcome of."""
    jobs = lock.jobs.values()
    return frozenset(str(record.business_id) for record in jobs if record.state is State.UNSURE)


@dataclass
class Story:
    """The state of one seed while it is told."""

    seed: int
    folder: Path
    backend: str = "asyncio"
    endings: tuple[Ending, ...] | None = None
    edits: tuple[Script, ...] | None = None
    plants: bool = True
    script: Script = field(init=False)
    service: Stormy = field(init=False)
    storm: Storm = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)
    _is_settled: bool = True
    quiet_runs: int = 2
    _foreign: Path | None = None
    _will_plant: bool = False
    _is_edited: bool = False
    _unsure: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.script, terms = storms.script(self.dice), storms.terms(self.dice)
        self.storm = storms.storm(self.dice)
        self.service = Stormy(World(terms), storm=self.storm, dice=self.dice, began=EPOCH, witness=self._is_on_disk)
        self.service.fate = lambda body: self.service.storm.fate(self.dice, body)

    def tell(self) -> Counter[str]:
        """Tell the whole story; raises `BrokenPromise` where one is broken. Returns what happened, counted."""
        self._maybe_plant()
        endings = self.endings
        if endings is None:
            endings = tuple(ending(self.dice) for _ in range(self.dice.randint(1, 5)))
        for each in endings:
            self._write()
            self.once(each)
            self.service.epoch += self.dice.choice((0.0, 1.0, 60.0, 60.0, 4000.0))
            if self.edits is not None:
                self.script, self.edits = (self.edits or (self.script,))[0], self.edits[1:]
            elif self.dice.random() < 0.3:
                self.script, self._is_edited = self.script.edited(self.dice), True
        self._calm()
        self.counts["seeds"] += 1
        self.counts["charges"] += len(self.service.world._tasks)
        troubles = {word: count for word, count in self.service.words.items() if word[-1] != " "}
        self.counts["faulted downloads"] += sum(troubles[word] for word in troubles if word.startswith("download "))
        self.counts.update({f"trouble {word}": count for word, count in troubles.items()})
        return self.counts

    @staticmethod
    def forget(folder: Path) -> None:
        """Remove what a story has left."""
        shutil.rmtree(folder, ignore_errors=True)

    @property
    def campaign(self) -> workspace.Campaign:
        name = self.folder, self.script.text
        if name not in _LOADED:
            _LOADED[name] = kling_batch.load(self.folder / "m.yaml")
        loaded = _LOADED[name]
        seen = store.Seen(loaded.places.seen, loaded.places.outputs)  # a process remembers nothing of the one before
        return replace(loaded, manifest=replace(loaded.manifest, run=self.script.run), seen=seen)

    def once(self, how: Ending) -> Outcome | None:
        """Run one process from its plan to its end, and hold the promises."""
        campaign = self.campaign
        mortal = Mortal(folder=str(self.folder), fatal=how.fatal, refused=how.refused)
        self.service.begin(mortal)
        self.service.deliver(self.service.epoch)
        outcome: Outcome | None = None
        with alive(mortal):
            try:
                if self.dice.random() < 0.5:  # as the command does
                    with holding.hold(campaign):
                        holding.catch_up(campaign)
                plan = kling_batch.plan(campaign, clock=lambda: self.service.epoch)
                outcome = self._run(campaign, plan, mortal, how)
            except (DiskError, OSError):
                if not how.refused:
                    raise
                self.counts["runs on a bad disk"] += 1
        self.counts["runs"] += 1
        self.counts["kills"] += mortal.is_dead
        self.counts["steps"] += mortal.steps
        self.trace.append(f"{mortal.steps} {mortal.where} {outcome and outcome.exit_code}")
        self.service.deliver(self.service.epoch)
        self._hold(campaign, how, is_dead=mortal.is_dead)
        return outcome

    def _run(self, campaign: workspace.Campaign, plan: Plan, mortal: Mortal, how: Ending) -> Outcome:
        weather = Weather(mortal=mortal, dice=self.dice, slow=self.service.storm.disk)
        seen = 0

        def show(event: Event) -> None:
            nonlocal seen
            seen += 1
            self.trace.append(repr(event))
            if isinstance(event, Completed) and self._will_plant:
                self._will_plant = False
                output = str(kling_batch.state(campaign).jobs[event.key].output)
                if not (campaign.places.outputs / output).exists():
                    self._plant(output)
            if isinstance(event, Fact):
                mortal.step(f"shown {type(event).__name__}")
            if seen == how.stop:
                run.engine.stop("interrupted")
                self.counts["graceful stops"] += how.is_graceful
            if seen == how.abort:
                run.engine.abort()

        def tape(file: store.Appender) -> SlowTape:
            return SlowTape(file, weather=weather)

        with holding.hold(campaign), holding.journal(campaign, plan, tape=tape) as (lock, journal):
            run = Run(campaign, plan, lock, journal, show, weather.offload, self.service.now, self.dice, how.grace)
            return virtual_time.run(self._against, run, backend=self.backend, seed=self.seed)

    async def _against(self, run: Run) -> Outcome:
        try:
            with anyio.fail_after(LONGEST):
                return await run.against(self.service)
        finally:
            self.service.epoch = self.service.now() + 1.0

    def _hold(self, campaign: workspace.Campaign, how: Ending, *, is_dead: bool) -> None:
        lock = kling_batch.state(campaign)
        settings = campaign.manifest.run
        self._is_settled &= not (is_dead or how.refused)
        before, self._unsure = self._unsure, unsure(lock)
        fresh = self._unsure - before - self.service.doubted
        most = 0 if how.is_graceful else settings.posts
        oracle.money(lock, self.service, settings.budget)
        oracle.files(
            lock, self.service, campaign.places.outputs, is_foreign=self._is_foreign, is_settled=self._is_settled
        )
        oracle.hold(
            (len(fresh) <= most, f"{len(fresh)} unsure after {how}, at most {most} may be"),
            (self.service.most_on_wire <= settings.posts, f"{self.service.most_on_wire} submits on the wire at once"),
            (self._foreign_stands(), "somebody else's file was touched"),
        )
        self.counts[f"unsure after {'a graceful stop' if how.is_graceful else 'any other end'}"] += len(fresh)

    def _calm(self) -> None:
        """Let the weather clear and the processes live; then everything is done that can be, and stays as it is."""
        self.service.storm = Storm()
        self.storm = replace(self.storm, failing=0.0)
        self._write()
        quiet = 0
        for _ in range(CALM_RUNS):
            before = self._everything()
            self.once(Ending())
            self.service.epoch += 300.0
            is_final = all(task.is_final(self.service.epoch) for task in self.service.world._tasks.values())
            quiet = quiet + 1 if is_final and self._everything() == before else 0
            if quiet == self.quiet_runs:
                return self._end()
        raise oracle.BrokenPromise("the campaign does not come to rest")

    def _end(self) -> None:
        campaign = self.campaign
        lock, content = lock_of(campaign)
        if lock is None:
            raise oracle.BrokenPromise("there is no lock in the end")
        known = kling_batch.state(campaign)
        oracle.hold(
            (known == lock, "the lock is not what lock and journal know together"),
            (format_lock(known).encode() == content, "the lock is not in its one form"),
        )
        self._hold_hope(lock)
        before, posts = self._everything(), len(self.service.posts)
        plan = kling_batch.plan(campaign, clock=lambda: self.service.epoch)
        self.counts["stories that end with nothing left to do"] += is_empty(plan)
        self.once(Ending())
        oracle.hold(
            (len(self.service.posts) == posts or not is_empty(plan), "a run with nothing to do sends something"),
            (self._everything() == before, "a run with nothing to do changes something"),
        )

    def _hold_hope(self, lock: Lock) -> None:
        """Hold that a kind service gets every job done."""
        terms, settings = self.service.world._terms, self.campaign.manifest.run
        states = {lock.jobs[job.key].state for job in self.campaign.manifest.jobs if job.key in lock.jobs}
        kind = terms.business_ids == "honoured" and terms.visible_after < settings.settle / 2
        rich = settings.budget is None and terms.balance_usd > 1e3
        lasting = terms.file_life > 1e4 and terms.link_life > 1e4
        unhurt = not any(task.fate.fails for task in self.service.world._tasks.values())
        gentle = not any(word in self.service.words for word in ("submit 422", "download damaged"))
        if kind and rich and lasting and unhurt and gentle and not self._foreign:
            may_doubt = self._is_edited or lock.look_up is None  # no task was ever known by which to prove look-up
            most = {State.DONE, State.UNSURE} if may_doubt else {State.DONE}
            oracle.hold((states <= most, f"a kind service leaves jobs {states}"))
            self.counts["stories with a kind service"] += 1

    # What lies on the disk

    def _write(self) -> None:
        (self.folder / "m.yaml").write_text(self.script.text)

    def _maybe_plant(self) -> None:
        """Let somebody put a file where a video will go: before all, or while it is made."""
        when = self.dice.randrange(20) if self.plants else -1
        if when == 0:
            self._plant("hero/n0-t1.mp4")
        self._will_plant = when == 1

    def _plant(self, output: str) -> None:
        path = self.folder / "out" / output
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FOREIGN)
        self._foreign = path

    def _is_foreign(self, path: Path) -> bool:
        return path == self._foreign and path.read_bytes() == FOREIGN

    def _foreign_stands(self) -> bool:
        return self._foreign is None or (self._foreign.is_file() and self._foreign.read_bytes() == FOREIGN)

    def _is_on_disk(self, text: str) -> bool:
        places = self.campaign.places
        return any(text.encode() in path.read_bytes() for path in (places.journal, places.lock) if path.exists())

    def _everything(self) -> dict[str, str]:
        files = [self.campaign.places.lock, *(path for path in (self.folder / "out").rglob("*") if path.is_file())]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.exists()}
