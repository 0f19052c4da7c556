"""One run, from the run lock to the lock file: what `kling_batch.run` does."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

from kling_batch import store
from kling_batch.api.answers import Allowance, Balance
from kling_batch.api.origin import GATEWAY, checked_key, origin_of
from kling_batch.api.pace import Pacer
from kling_batch.errors import DiskError, StateError
from kling_batch.events import Event, Told
from kling_batch.job import Image
from kling_batch.plan.cost import total
from kling_batch.plan.diff import Action, Change, Plan
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import State
from kling_batch.run import moves, workspace
from kling_batch.run.book import Book
from kling_batch.run.carrier import Carrier
from kling_batch.run.collect import Collector
from kling_batch.run.engine import Engine
from kling_batch.run.gate import Halt
from kling_batch.run.journal import Journal
from kling_batch.run.ports import Service
from kling_batch.run.shelf import Shelf
from kling_batch.run.states import Dead, Gone, Left, Unsettled
from kling_batch.run.uploads import Uploads
from kling_batch.run.workspace import Campaign

LOOK_BURST = 20
BALANCE_WAIT = 10.0  # seconds for a question that is only a courtesy
ACTIVE = frozenset(
    {Action.CREATE, Action.REDO, Action.RETRY, Action.RESUME, Action.FETCH, Action.UNSURE, Action.MOVE, Action.RESTORE}
)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended. `exit_code` as in design section 7; `reasons` say why, for people, the gravest first.

    `counts` are the manifest's jobs by state; `spent` the USD of this run, billed or expected.
    """

    exit_code: int
    reasons: tuple[str, ...]
    counts: Mapping[State, int]
    spent: Decimal


def is_empty(plan: Plan) -> bool:
    """Say whether a run of this plan would do nothing at all."""
    return not any(change.action in ACTIVE for change in plan.changes) and not moves.openings(plan.changes)


def exit_code(engine: Engine, plan: Plan) -> int:
    """Return the code of design section 7 for the way a run ended."""
    states = [course.state for course in engine.courses.values()]
    actions = {change.action for change in plan.changes}
    if Halt.SIGNAL in engine.gate.halts:
        return int(Halt.SIGNAL)
    if Halt.ACCOUNT in engine.gate.halts:
        return int(Halt.ACCOUNT)
    if (
        Halt.HUMAN in engine.gate.halts
        or Action.LOST in actions
        or any(isinstance(s, Unsettled | Gone) for s in states)
    ):
        return int(Halt.HUMAN)
    if engine.gate.halts or any(isinstance(state, Left) and not state.blocked for state in states):
        return int(Halt.CAPPED)
    if Action.BLOCKED in actions or any(isinstance(state, Dead | Left) for state in states):
        return 4
    return 0


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
    with workspace.hold(campaign):
        lock, journal = _opened(campaign, plan)
        with journal:
            return anyio.run(_Run(campaign, plan, lock, journal, grace, on_event).over_http, origin, key, proxy)
