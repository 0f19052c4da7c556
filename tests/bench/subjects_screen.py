"""A run with its live screen on a pseudo terminal and without one, and what the screen alone takes of its events."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import campaign
from measured import folder, measured, work

import kling_batch
from kling_batch.api import client  # noqa: F401 - imported before the clock starts
from kling_batch.events import Event
from kling_batch.plan.diff import Plan
from kling_batch.report.console import DRAWS_PER_SECOND, Screen
from kling_batch.run import runner  # noqa: F401 - as above

ENVIRONMENT = {"TERM": "xterm-256color"}
SIZE = (120, 40)


@contextmanager
def terminal() -> Iterator[IO[str]]:
    """Give a pseudo terminal that another process reads."""
    ours, theirs = os.openpty()
    command = [shutil.which("cat") or "cat"]
    with (
        subprocess.Popen(command, stdin=ours, stdout=subprocess.DEVNULL) as reader,
        os.fdopen(theirs, "w") as stream,
    ):
        os.close(ours)
        yield stream
        stream.flush()
        reader.kill()


def _run(base: str, jobs: int, width: int, seconds: float, hear: Callable[[Plan], Any]) -> dict[str, Any]:
    """Run a campaign whose tasks take so many seconds; `hear` gives a context of what hears its events."""
    with folder() as place:
        manifest = campaign.write(place, jobs, in_flight=width, first=seconds / 4, every=seconds / 2)
        loaded = kling_batch.load(manifest, base_url=base)
        plan = campaign.unhurried(kling_batch.plan(loaded))
        with measured() as figures, hear(plan) as on_event:
            kling_batch.run(loaded, plan, api_key="sk-bench-0123456789", base_url=base, on_event=on_event)
        made = len(list(place.rglob("*.mp4")))
    return {"wall": figures.wall, "cpu": figures.cpu, "made": made}


def on(base: str, jobs: int, width: int, seconds: float) -> dict[str, Any]:
    """Run with the screen."""

    @contextmanager
    def hear(plan: Plan) -> Iterator[Callable[[Event], None]]:
        with Screen(plan, stream, time.monotonic, size=lambda: SIZE, environment=ENVIRONMENT) as screen:
            yield screen.on_event

    with terminal() as stream:
        return _run(base, jobs, width, seconds, hear)


def off(base: str, jobs: int, width: int, seconds: float) -> dict[str, Any]:
    """Run without one, then show its events on a screen as they came: `screen` is the CPU that this alone takes."""
    heard: list[tuple[float, Event]] = []
    plans = []

    @contextmanager
    def hear(plan: Plan) -> Iterator[Callable[[Event], None]]:
        plans.append(plan)
        yield lambda event: heard.append((time.monotonic(), event))

    figures = _run(base, jobs, width, seconds, hear)
    with terminal() as stream, measured() as alone:
        _replay(plans[0], heard, stream)
    return figures | {"screen": alone.cpu, "events": len(heard)}


def _replay(plan: Plan, heard: list[tuple[float, Event]], stream: IO[str]) -> None:
    """Show events at the times at which they came, a drawing for each of the times at which one was due."""
    now = drawn = heard[0][0]
    with Screen(plan, stream, lambda: now, size=lambda: SIZE, environment=ENVIRONMENT) as screen:
        for at, event in heard:
            now = at
            while now - drawn > 1 / DRAWS_PER_SECOND:
                drawn += 1 / DRAWS_PER_SECOND
                screen.draw()
            screen.on_event(event)


if __name__ == "__main__":
    work({"on": on, "off": off})
