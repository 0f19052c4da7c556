"""What the lock knows of each job: one record a key, and how events change it.

A record's main fields are the latest attempt of the latest generation. An intent without an answer *is* `unsure`: a
kill at any instant therefore leaves a record that says what to do. Whatever was paid for and is not the latest stays
under `attempts` (this generation), `past` (superseded generations) or `also` (a second task found at a merge).
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from kling_batch.events import Fact, Failure
from kling_batch.job import BusinessId, Json, Key, SpecHash, TaskId


class State(enum.Enum):
    """Where a job stands, as `status` tells it."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"
    UNSURE = "unsure"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An earlier attempt or a second task that was, or may have been, paid for. `spent` in USD."""

    attempt: int
    business_id: BusinessId | None = None
    task: TaskId | None = None
    spent: Decimal | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One key's line in the lock.

    `output` is relative to the root; `spent` is USD, from billing where told, else the price at the intent, and `None`
    where neither is known; `expires` (Unix seconds) stands from completion until the file is verified. `extra` holds
    fields of newer versions, which survive a rewrite.
    """

    spec: SpecHash
    parts: tuple[str, ...]
    state: State = State.PENDING
    generation: int = 1
    attempt: int = 1
    business_id: BusinessId | None = None
    task: TaskId | None = None
    output: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    seconds: float | None = None
    spent: Decimal | None = None
    expires: int | None = None
    failure: Failure | None = None
    warnings: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    past: tuple["Record", ...] = ()
    also: tuple[Attempt, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)


def apply(record: Record | None, fact: Fact) -> Record:
    """Return one key's record after a fact about it; the only place that knows what a fact means for the lock."""
    raise NotImplementedError


def join(ours: Record | None, theirs: Record | None) -> Record | None:
    """Return what both sides together know of a key; no task of either is lost (reliability b9)."""
    raise NotImplementedError


def committed(records: Mapping[Key, Record]) -> Decimal:
    """Return the USD that all records have cost or may cost: earlier attempts, past generations, in flight, unsure."""
    raise NotImplementedError
