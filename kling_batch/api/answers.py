"""What the service can answer, as values: the few shapes that the rest of the house needs to know."""

import enum
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from kling_batch.events import Failure
from kling_batch.job import TaskId


class FaultKind(enum.Enum):
    """The classes of contract section 3.3, and what each means for a submit that was answered so."""

    UNSENT = "unsent"  # no byte of the request left: nothing was created
    RATE = "rate"  # 429, 425, and 503 from the limiter: nothing was created, wait
    BUSY = "busy"  # "no available channel", upstream full: nothing was created, wait
    AUTH = "auth"  # wrong or missing key: stops the run
    BALANCE = "balance"  # no money: pauses the run, no job is at fault
    CONFIGURATION = "configuration"  # no such model, wrong URL: stops the run
    REFUSED = "refused"  # any other whole 4xx: nothing was created, the job is at fault
    UNCLEAR = "unclear"  # everything else: nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An answer that is not the one hoped for. `wait` are the seconds the service asked for, `failure` the job's view.

    `message` is the service's own text, cut, with secrets and control characters taken out; `status` is 0 where there
    was no whole HTTP answer.
    """

    kind: FaultKind
    status: int = 0
    code: str = ""
    message: str = ""
    wait: float | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """What the service says an attempt cost: `usd` if told, `refunded` if it was given back."""

    usd: Decimal | None = None
    refunded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A submit made, or replayed, this task."""

    task: TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The task is not final. `task` is the id that the answer names; `business_id` its echo, if any."""

    task: TaskId | None
    status: str
    progress: int | None = None
    business_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The task is done; `urls` may be empty (told as completed before the file shows). `expires` in Unix seconds."""

    task: TaskId | None
    urls: tuple[str, ...]
    expires: int | None = None
    billing: Billing | None = None
    business_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed:
    """The task is final without a video."""

    task: TaskId | None
    failure: Failure
    billing: Billing | None = None
    business_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """The service knows no task under that id (404, or 400 `task_not_exist`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """An image lies at the service under `url`, for a while."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """USD left on the account; `None` means without limit."""

    usd: Decimal | None


SubmitAnswer: TypeAlias = Accepted | Fault
LookAnswer: TypeAlias = Running | Completed | TaskFailed | Absent | Fault
