"""How a run ended: apart from the runner, so that who has nothing to run need not wait for an event loop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from kling_batch.job import Key
from kling_batch.plan.record import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended. `exit_code` as in design section 7; `reasons` say why, for people, the gravest first.

    `counts` are the manifest's jobs by state; `spent` the USD of this run, billed or expected, for so many `submits`;
    `left` says of each job that this run did not bring to its end what stood against it.
    """

    exit_code: int
    reasons: tuple[str, ...]
    counts: Mapping[State, int]
    spent: Decimal
    submits: int = 0
    left: Mapping[Key, str] = field(default_factory=dict)
