"""One campaign, run in this process over real HTTP against a sandbox whose scenario makes one thing go wrong."""

import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

import anyio
from blackbox import KEY, Campaign, Figures, audit
from blackbox_tap import Tap

import kling_batch
from kling_batch.api.client import Client
from kling_batch.api.client_settings import Settings
from kling_batch.api.origin import Origin, origin_of
from kling_batch.events import Event
from kling_batch.run import holding
from kling_batch.run.outcome import Outcome
from kling_batch.run.runner import Run
from kling_batch.sandbox.server import Config, serve

RUN = (
    "in_flight: 8, submit_per_second: 100, posts: 2, poll: {first: 0.05s, every: 0.2s}, "
    "settle: 0.6s, deadline: 8s, retries: 1"
)
HASTY = Settings(connect=2, read=1, look_deadline=2, submit_deadline=2, slow_rate=20_000, slow_window=0.4)


class Stage:
    """A campaign and its service; `run` runs it once, and what was charged is asked of the service alone."""

    def __init__(
        self,
        folder: Path,
        tls: ssl.SSLContext,
        rules: Sequence[Mapping[str, object]] = (),
        *,
        jobs: int = 3,
        run: str = RUN,
        settings: Settings = HASTY,
        service: Mapping[str, object] | None = None,
    ) -> None:
        scenario = folder / "scenario.json"
        scenario.write_text(json.dumps({"seed": 1, "service": {"speed": 900, **(service or {})}, "rules": rules}))
        self.campaign = Campaign(folder=folder / "c", jobs=jobs, run=run)
        self.events: list[Event] = []
        self.wall: Callable[[], float] = time.time
        self.posts = 0
        self._config = Config(scenario=scenario)
        self._settings, self._tls, self._stack = settings, tls, ExitStack()

    def __enter__(self) -> Self:
        self._service = self._stack.enter_context(serve(self._config))
        port = int(self._service.removesuffix("/v1").rpartition(":")[2])
        self._tap = self._stack.enter_context(Tap(port))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def out(self) -> Path:
        return self.campaign.folder / "out" / "hero"

    def run(self, on_event: Callable[[Event], None] = lambda _: None) -> Outcome:
        """Plan and run once; `posts` are then the submits of this run."""
        before = self._tap.posts

        def hear(event: Event) -> None:
            self.events.append(event)
            on_event(event)

        campaign = kling_batch.load(self.campaign.folder / "m.yaml", base_url=self._tap.url)
        with kling_batch.hold(campaign):
            plan = kling_batch.plan(campaign)
            with holding.journal(campaign, plan) as (lock, journal):
                run = Run(campaign, plan, lock, journal, hear, wall=self.wall)
                outcome = anyio.run(self._over_http, run, origin_of(self._tap.url))
        self.posts = self._tap.posts - before
        return outcome

    async def _over_http(self, run: Run, origin: Origin) -> Outcome:
        async with Client(origin, KEY, settings=self._settings, tls=self._tls, on_rate=run.learn) as service:
            return await run.against(service)

    def charges(self) -> list[dict[str, Any]]:
        with urlopen(f"{self._service}/sandbox/ledger") as answer:  # noqa: S310 - our own address
            every: list[dict[str, Any]] = json.load(answer)["charges"]
        return every

    def audit(self) -> Figures:
        """Hold lock and files against the ledger."""
        return audit(self.campaign, self.charges())

    def _served(self, task: str) -> bytes:
        """Return the video of a task as the service sends it now that no download goes wrong any more."""
        asked = Request(f"{self._service}/videos/generations/{task}", headers={"Authorization": f"Bearer {KEY}"})  # noqa: S310 - our own address
        told: dict[str, Any] = {}
        while "result" not in told:  # a rule may spoil a look now and then for ever
            with urlopen(asked) as answer:  # noqa: S310 - as above
                told = json.load(answer)
        link = told["result"]["data"][0]["url"]
        with urlopen(link) as answer:  # noqa: S310 - as above
            content: bytes = answer.read()
        return content

    def states(self) -> list[str]:
        return sorted(record["state"] for record in self.campaign.records().values())

    def assert_all_is_well(self) -> None:
        """Every job done, paid once, its file whole, and nothing left to do."""
        assert self.states() == ["done"] * self.campaign.jobs
        figures = self.audit()
        assert figures.faults == []
        assert figures.charges == self.campaign.jobs
        for record in self.campaign.records().values():
            assert sha256(self._served(record["task"])).hexdigest() == record["sha256"]
        self.run()
        assert self.posts == 0


def on(operation: str, when: Mapping[str, object] | None = None, **do: object) -> dict[str, object]:
    """Return a rule of a scenario."""
    return {"on": operation, "when": when or {}, "do": do}
