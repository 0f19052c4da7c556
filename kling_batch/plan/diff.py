"""Jobs held against the lock: every row of design section 4, decided without clock, disk or network of its own."""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from kling_batch.job import Job, Key
from kling_batch.manifest.model import RunSettings
from kling_batch.plan.cost import Prices
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import Record


class Action(enum.Enum):
    """What a plan does with one job."""

    CREATE = "create"
    REDO = "redo"
    RESTORE = "restore"
    MOVE = "move"
    RESUME = "resume"
    FETCH = "fetch"
    LOST = "lost"
    KEEP = "keep"
    RETRY = "retry"
    BLOCKED = "blocked"
    UNSURE = "unsure"
    ORPHAN = "orphan"


class FileState(enum.Enum):
    """What lies at a record's output path."""

    ABSENT = "absent"
    SAME = "same"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One job's fate in a plan, and why.

    `because` is for people. `usd` is the expected price where `pays`, `None` where it is unknown; `price` is what a new
    attempt would cost, also where the action itself does not pay. `generation` and
    `attempt` are those of the attempt that a paying action would make. `record` is what the lock knows, under `origin`
    if that is another key (a move). `mark` is one word that the action alone does not say: `elsewhere`, `changed`.
    """

    key: Key
    action: Action
    because: str
    pays: bool = False
    usd: Decimal | None = None
    price: Decimal | None = None
    job: Job | None = None
    record: Record | None = None
    origin: Key | None = None
    generation: int = 1
    attempt: int = 1
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a run needs to know: the engine sees this and nothing else, no manifest and no flags.

    `spent` is what all records together have cost or may cost, in USD. `budget` caps one invocation, `limit` its
    submits. `look_up` says whether look-up by business id is proven on this service and model already.
    """

    project: str
    service: str
    changes: tuple[Change, ...]
    settings: RunSettings
    spent: Decimal
    look_up: bool = False
    budget: Decimal | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a plan has to know of the world: Unix seconds now, what lies at an output path, and what was asked for.

    `retry_rejected`: `--retry rejected` was given. `retries` is `run.retries`.
    """

    now: float
    file: Callable[[Record], FileState]
    retries: int
    retry_rejected: bool = False


def compare(jobs: Iterable[Job], lock: Lock, prices: Prices, outlook: Outlook) -> tuple[Change, ...]:
    """Return one change for each job, in the order of the manifest, then one for each orphan, by key."""
    raise NotImplementedError


def counts(changes: Iterable[Change]) -> Mapping[Action, int]:
    """Return how many changes there are of each action that occurs."""
    raise NotImplementedError
