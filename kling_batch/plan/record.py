"""What the lock knows of each job: one record a key.

A record's main fields are the latest attempt of the latest generation. An intent without an answer *is* `unsure`: a
kill at any instant therefore leaves a record that says what to do. Whatever was paid for and is not the latest stays
under `attempts` (this generation), `past` (superseded generations) or `also` (a second task found at a merge).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from kling_batch.events import Failure
from kling_batch.job import BusinessId, Json, Key, SpecHash, TaskId, light
from kling_batch.plan.state import State as State  # noqa: PLC0414 - a part of a record, known by both names

DAMAGED = "damaged-video"  # the code of a failure that is told by us, not by the service


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An earlier attempt or a second task that was, or may have been, paid for. `spent` in USD."""

    attempt: int
    business_id: BusinessId | None = None
    task: TaskId | None = None
    spent: Decimal | None = None
    failure: Failure | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One key's line in the lock.

    `output` is relative to the root, and `None` in a past generation whose file was not kept; `spent` is USD, from
    billing where told, else the price at the intent, and `None` where neither is known; `charged` says of a failed
    attempt that billing settled it above zero; `expires` (Unix seconds) stands from completion until the file is
    verified. `pruned` says that the file was thrown away on purpose, because another take was picked. `past` is oldest
    first, its records have no `past` of their own. `extra` holds fields of newer versions,
    which survive a rewrite. `reason` is what a person said who changed the record by hand.
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
    charged: bool = False
    pruned: bool = False
    expires: int | None = None
    failure: Failure | None = None
    warnings: tuple[str, ...] = ()
    reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    past: tuple["Record", ...] = ()
    also: tuple[Attempt, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever bought, or may have been, under this record."""
        return self.state is State.PENDING and not (self.attempts or self.past or self.also)

    @property
    def is_in_flight(self) -> bool:
        """Whether there is, or may be, a task at the service whose end is not known yet."""
        return self.state is State.SUBMITTED or self.state is State.UNSURE

    @property
    def is_damaged(self) -> bool:
        """Whether its task was made and paid for, and what came is no whole video, and is kept as `.suspect`."""
        return self.task is not None and self.failure is not None and self.failure.code == DAMAGED

    @property
    def draw(self) -> tuple[SpecHash, int]:
        """Spec and generation: which deliberate draw this is."""
        return self.spec, self.generation


def as_attempt(record: Record) -> Attempt:
    """Return what stays of a record's main attempt when another one takes its place."""
    return Attempt(
        attempt=record.attempt,
        business_id=record.business_id,
        task=record.task,
        spent=record.spent,
        failure=record.failure,
    )


def committed(records: Mapping[Key, Record]) -> Decimal:
    """Return the USD that all records have cost or may cost: earlier attempts, past generations, in flight, unsure."""
    return sum((cost(record) for record in records.values()), Decimal(0))


def cost(record: Record) -> Decimal:
    """Return the USD that one key has cost or may cost, all of its generations together."""
    if not (record.attempts or record.also or record.past):
        return record.spent or Decimal(0)
    own = (record.spent, *(each.spent for each in (*record.attempts, *record.also)), *map(cost, record.past))
    return sum((usd for usd in own if usd), Decimal(0))
