"""A campaign in a folder, run as the product runs it, in virtual time and against a pretended service."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

import virtual_time
from pretended import EPOCH, Pretended

import kling_batch
from kling_batch.events import Event
from kling_batch.plan.diff import Plan
from kling_batch.run import holding, workspace
from kling_batch.run.journal import DiskTape
from kling_batch.run.outcome import Outcome
from kling_batch.run.runner import Run
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import World

BETWEEN = 60.0  # seconds from one run to the next

P = ParamSpec("P")
T = TypeVar("T")

MANIFEST = """\
version: 1
project: test
run: {{in_flight: 4, submit_per_second: 50, poll: {{first: 5s, every: 10s}}, settle: 60s, retries: 1{run}}}
output: {{root: out}}
shots:
  hero:
    matrix: {{n: [{names}]}}
    request: {{prompt: "a cup {{{{ n }}}}"}}
"""


async def at_once(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do blocking work in place: in virtual time there are no threads."""
    return work(*args, **kwargs)


class InPlace(DiskTape):
    """A journal file that is written and synced in place."""

    async def append(self, data: bytes) -> None:
        self._file.append(data)


@dataclass
class Bench:
    """One folder with one manifest, and the service that it is run against."""

    folder: Path
    service: Pretended = field(default_factory=lambda: Pretended(World(Terms())))
    events: list[Event] = field(default_factory=list)

    def write(self, count: int = 3, run: str = "") -> None:
        """Write a manifest of so many jobs."""
        names = ", ".join(f"n{number}" for number in range(count))
        self.manifest.write_text(MANIFEST.format(names=names, run=f", {run}" if run else ""))

    @property
    def manifest(self) -> Path:
        return self.folder / "m.yaml"

    def campaign(self) -> workspace.Campaign:
        return kling_batch.load(self.manifest)

    def plan(self, **options: object) -> Plan:
        return kling_batch.plan(self.campaign(), **options)  # type: ignore[arg-type]  # passed through as given

    def run(
        self,
        *,
        backend: str = "asyncio",
        seed: int = 0,
        on_event: Callable[[Event, Run], None] | None = None,
        **options: object,
    ) -> Outcome:
        """Plan and run once, all in virtual time; `on_event` may meddle with the run."""
        plan = kling_batch.plan(self.campaign(), **options)  # type: ignore[arg-type]  # passed through as given
        return self.run_plan(plan, backend=backend, seed=seed, on_event=on_event)

    def run_plan(
        self,
        plan: Plan,
        *,
        backend: str = "asyncio",
        seed: int = 0,
        on_event: Callable[[Event, Run], None] | None = None,
    ) -> Outcome:
        """Run a plan that was made before."""
        campaign = self.campaign()

        def show(event: Event) -> None:
            self.events.append(event)
            if on_event is not None:
                on_event(event, run)

        with holding.hold(campaign), holding.journal(campaign, plan, tape=InPlace) as (lock, journal):
            run = Run(
                campaign, plan, lock, journal, show, offload=at_once, wall=self.service.now, dice=random.Random(seed)
            )
            return virtual_time.run(self._against, run, backend=backend)

    async def _against(self, run: Run) -> Outcome:
        try:
            return await run.against(self.service)
        finally:
            self.service.epoch = self.service.now() + BETWEEN  # the next run's clock starts at zero again

    def charges(self) -> dict[str, int]:
        """Return how often each business id was charged for."""
        told = json.loads(self.service.world.ledger(EPOCH).body)
        return dict(told["by_business_id"])
