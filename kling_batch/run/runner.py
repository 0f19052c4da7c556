"""One run, from the run lock to the lock file: what `kling_batch.run` does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from kling_batch.events import Event
from kling_batch.plan.diff import Plan
from kling_batch.plan.record import State
from kling_batch.run.workspace import Campaign


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended. `exit_code` as in design section 7; `reasons` say why, for people, the gravest first.

    `counts` are the manifest's jobs by state; `spent` the USD of this run, billed or expected.
    """

    exit_code: int
    reasons: tuple[str, ...]
    counts: Mapping[State, int]
    spent: Decimal


def run(
    campaign: Campaign,
    plan: Plan,
    *,
    api_key: str,
    base_url: str | None = None,
    proxy: str | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Outcome:
    """Carry a plan out against the service, and record every step before believing it.

    `on_event` sees each event in the order in which it became true. Raises `LockHeldError`, `StateError` (the lock has
    changed since the plan was made), `AccountError` and `DiskError`; a failed job is an outcome, never an exception.
    """
    raise NotImplementedError
