"""What the service can answer, as values: the few shapes that the rest of the house needs to know."""

import enum
from collections.abc import AsyncIterator
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

    `message` is the service's own text, cut, with secrets and control characters taken out; `evidence` is likewise the
    body of a submit's unclear answer; `status` is 0 where there was no whole HTTP answer.
    """

    kind: FaultKind
    status: int = 0
    code: str = ""
    message: str = ""
    evidence: str = ""
    wait: float | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """What the service says an attempt cost: `usd` if told, `refunded` (and then 0) if it was given back."""

    usd: Decimal | None = None
    refunded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A submit made, or replayed, this task. `business_id` is its echo, if any; an echo proves nothing."""

    task: TaskId
    business_id: str | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the service told about its rate limits with an answer (contract section 3.4).

    `category` is `async_submit` or `async_query`, empty where it was not told; `reset` and `wait` are seconds from now.
    """

    category: str = ""
    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None
    wait: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A download that has begun: where in the file its bytes start, how long the whole is, and its validator.

    Iterating over `chunks` raises `Interrupted` where the bytes stop coming before the end. `etag` is a strong one.
    """

    start: int
    total: int | None
    etag: str | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDead:
    """The link was refused (401, 403, 404, 410): a fresh one must be asked for."""

    status: int


class Interrupted(Exception):  # noqa: N818 - what happened to a download, not a mistake of anybody's
    """A download ended before its last byte, for the reason in `fault`; what has come so far is good."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


SubmitAnswer: TypeAlias = Accepted | Fault
LookAnswer: TypeAlias = Running | Completed | TaskFailed | Absent | Fault
