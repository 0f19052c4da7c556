"""A task at the service: fixed when it is made, so that all it ever shows follows from the time of day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from kling_batch.job import MODEL, Json
from kling_batch.sandbox.terms import in_credits, plain

_QUEUED = 0.1  # the share of its time that a task waits before it is begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What shall become of a task, where a scenario wants it to be unusual.

    `code` and `message` make it fail, the charge given back unless `refunded` is false. `seconds` is how long it takes
    by the client's clock, `None` for a draw. `visible_after` is how long it cannot be found by its business id,
    `known_after` how long not even by its own; `None` stands for the service's terms and `-1` for never. `urls` are
    how many links a completed one shows, from `urls_after` seconds past completion on. `words` replace status words.
    """

    code: Json = None
    message: str = ""
    refunded: bool = True
    seconds: float | None = None
    visible_after: float | None = None
    known_after: float = 0.0
    urls: int = 1
    urls_after: float = 0.0
    billing: bool = True
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def fails(self) -> bool:
        """Whether the task comes to nothing."""
        return self.code is not None or self.message != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task: what was asked for, by which own id, when it was charged, and how long it takes (seconds).

    Whether its video is painted for it is settled when it is made: a video has the same bytes whenever it is fetched.
    """

    id: str
    business_id: str | None
    prompt: str
    mode: str
    ratio: str
    duration: int
    audio: bool
    at: float
    seconds: float
    usd: Decimal
    fate: Fate
    metadata: dict[str, Json] = field(default_factory=dict)
    is_painted: bool = False

    @property
    def final_at(self) -> float:
        """The Unix second at which it is completed or failed."""
        return self.at + self.seconds

    def is_final(self, now: float) -> bool:
        """Say whether it is completed or failed by now."""
        return now >= self.final_at

    def status(self, now: float) -> str:
        """Return the documented status word (contract 2.1)."""
        if self.is_final(now):
            return "failed" if self.fate.fails else "completed"
        return "queued" if now - self.at < _QUEUED * self.seconds else "in_progress"

    def bill(self, now: float) -> tuple[str, Decimal]:
        """Return what has become of the charge by now: a word and the USD that it stands at."""
        if not self.is_final(now):
            return "pending", self.usd
        if self.fate.fails and self.fate.refunded:
            return "refunded", Decimal(0)
        return "settled", self.usd


def created(task: Task, *, echo: bool) -> dict[str, Json]:
    """Return what a submit answers (contract 1.5)."""
    return _head(task, "queued", 0, echo=echo)


def seen(task: Task, now: float, *, echo: bool, urls: tuple[str, ...], expires: float) -> dict[str, Json]:
    """Return what a look answers (contract 2.1); `urls` are the links of a completed task."""
    status = task.status(now)
    out = _head(task, status, _progress(task, now), echo=echo)
    match status:
        case "completed":
            out["completed_at"] = int(task.final_at)
            out["expires_at"] = int(expires)
            out["result"] = {"type": "video", "data": [{"url": url, "format": "mp4"} for url in urls]}
        case "failed":
            out["completed_at"] = int(task.final_at)
            code = "generation_failed" if task.fate.code is None else task.fate.code
            out["error"] = {"code": code, "message": task.fate.message}
        case _:
            pass
    if task.fate.billing:
        word, usd = task.bill(now)
        out["billing"] = {"status": word, "credits": in_credits(usd), "cost_usd": plain(usd)}
    return out


def _head(task: Task, status: str, progress: int, *, echo: bool) -> dict[str, Json]:
    head: dict[str, Json] = {
        "id": task.id,
        "object": "generation.task",
        "model": MODEL,
        "status": task.fate.words.get(status, status),
        "progress": progress,
        "created_at": int(task.at),
        "metadata": task.metadata,
    }
    if echo and task.business_id is not None:
        head["client_business_id"] = task.business_id
    return head


def _progress(task: Task, now: float) -> int:
    match task.status(now):
        case "completed":
            return 100
        case "in_progress":
            return min(99, int(100 * (now - task.at) / task.seconds))
        case _:
            return 0
