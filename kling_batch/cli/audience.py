"""Who hears of a run while it goes: a person at a screen, a program that reads lines, or one who asked for quiet.

None of them may stop it: a pipe that broke or a full disk under stdout is no reason to leave paid work alone.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import kling_batch
from kling_batch.cli import terminal
from kling_batch.events import Done, Event, Told, to_json
from kling_batch.plan.diff import Plan

JSON_VERSION = 1
"""Raised only when a field of the lines changes its meaning; new fields and new events may come at any time."""


class Ear:
    """Hears every event of a run for one audience, and counts the videos that were `made`."""

    def __init__(self, show: Callable[[Event], None]) -> None:
        self._show = show
        self.made = 0

    def hear(self, event: Event) -> None:
        """Take in the next event; never raises because it cannot be shown."""
        self.made += isinstance(event, Done)
        with suppress(OSError):
            self._show(event)


@contextmanager
def audience(plan: Plan, *, as_json: bool, quiet: bool) -> Iterator[Ear]:
    """Give the ear for one run of this plan; while the block lasts, a person sees its screen."""
    if as_json:
        with suppress(OSError):
            version = kling_batch.__version__
            terminal.out_json({"event": "version", "version": version, "json": JSON_VERSION}, indent=None)
        yield Ear(_print_line)
    elif quiet:
        yield Ear(_print_warning)
    else:
        from kling_batch.report.console import Screen  # noqa: PLC0415 - rich is slow to import

        with Screen(plan, sys.stderr, time.monotonic, size=terminal.size, environment=os.environ) as screen:
            yield Ear(screen.on_event)


def _print_line(event: Event) -> None:
    terminal.out_json(to_json(event), indent=None)


def _print_warning(event: Event) -> None:
    if isinstance(event, Told) and event.level != "note":
        terminal.talk(f"{event.level}: {event.message}")
