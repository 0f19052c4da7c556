"""A campaign in a folder, run as the product runs it, in virtual time and against a pretended service."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

import anyio
import virtual_time
from pretended import EPOCH, Pretended

import kling_batch
from kling_batch.events import Event
from kling_batch.plan.diff import Plan
from kling_batch.run import workspace
from kling_batch.run.journal import DiskTape
from kling_batch.run.runner import Outcome, Run
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import World

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
        campaign = self.campaign()
        plan = kling_batch.plan(campaign, **options)  # type: ignore[arg-type]  # passed through as given

        def show(event: Event) -> None:
            self.events.append(event)
            if on_event is not None:
                on_event(event, run)

        with workspace.hold(campaign), workspace.journal(campaign, plan, tape=InPlace) as (lock, journal):
            run = Run(campaign, plan, lock, journal, show, offload=at_once, wall=self.wall, dice=random.Random(seed))
            return virtual_time.run(run.against, self.service, backend=backend)

    @staticmethod
    def wall() -> float:
        return EPOCH + anyio.current_time()

    def charges(self) -> dict[str, int]:
        """Return how often each business id was charged for."""
        told = json.loads(self.service.world.ledger(EPOCH).body)
        return dict(told["by_business_id"])
