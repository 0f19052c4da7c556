"""What can happen to a job, as frozen values, and their one-line JSON form.

One stream of them has three readers: the journal keeps the *facts*, the lock is their fold, the screen shows all. A
fact is durable before its consequence begins; a *sign* is for eyes only and may be lost.
"""

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias, cast, get_args

from kling_batch.job import BusinessId, Json, Key, SpecHash, TaskId

FailureClass = Literal["transient", "rejected", "invalid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt came to nothing: whether a new try may help, and the service's own words."""

    kind: FailureClass
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The job stands in the lock, `pending`; nothing was sent. Makes later edits touch lines both branches have."""

    key: Key
    spec: SpecHash
    parts: tuple[str, str, str, str]
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """The next byte on the wire may buy this attempt. `usd` is its expected price, `None` where unknown."""

    key: Key
    spec: SpecHash
    parts: tuple[str, str, str, str]
    generation: int
    attempt: int
    business_id: BusinessId
    output: str
    usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """That intent bought nothing, for certain: the same attempt may be sent again under the same id."""

    key: Key
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """Nobody knows whether that intent bought something; `evidence` is the answer, shortened and without secrets."""

    key: Key
    why: str
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The service made a task for the intent; from here on there is something paid for."""

    key: Key
    task: TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The video exists at the service until `expires` (Unix seconds). `usd` is what billing says, `None` if silent."""

    key: Key
    task: TaskId
    expires: int | None = None
    usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The video is here: verified, synced and under its name. `output` relative to the root, `seconds` of play.

    `kept` is where the file of the generation before it was moved to, empty if there was none.
    """

    key: Key
    output: str
    sha256: str
    bytes: int
    seconds: float | None = None
    warnings: tuple[str, ...] = ()
    kept: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """This attempt is final and has no video. `usd` is what billing says it cost (0 if refunded), `None` if silent."""

    key: Key
    failure: Failure
    usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The video existed and its link is dead; bought again only by `redo`."""

    key: Key
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The same video under a new key or path: `origin` is the key it had, `output` where it lies now."""

    key: Key
    origin: Key
    output: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """An earlier generation with this spec is the job's result again, its file back at `output`.

    `kept` is where the file that it replaced was moved to, empty if there was none.
    """

    key: Key
    spec: SpecHash
    output: str
    kept: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrawn:
    """By hand: the job is to have another draw, or has one that was made elsewhere: `task`, expected to cost `usd`."""

    key: Key
    spec: SpecHash
    parts: tuple[str, str, str, str]
    generation: int
    output: str
    why: str = ""
    task: TaskId | None = None
    usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """By hand: the video that is there satisfies what the manifest asks for by now."""

    key: Key
    spec: SpecHash
    parts: tuple[str, str, str, str]
    generation: int
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """By hand: the file with that checksum, of a superseded generation, is in the trash."""

    key: Key
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """By hand: the lock is to know nothing of the job any more."""

    key: Key
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpJudged:
    """Whether looking a task up by business id is proven on this model of the service, or no longer."""

    model: str
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A sign: the service said how far a task is, in its own words; `progress` from 0 to 100."""

    key: Key
    status: str
    progress: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A sign: so many bytes of a video have come, of `total` where the service told it."""

    key: Key
    bytes: int
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A sign: this run does no more for the job, and why; a later one goes on where it stands."""

    key: Key
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A sign: something people should know about the run as a whole."""

    level: Literal["note", "warning", "error"]
    message: str


Edit: TypeAlias = Redrawn | Accepted | Pruned
Fact: TypeAlias = (
    Opened
    | Intended
    | Cleared
    | Doubted
    | Submitted
    | Completed
    | Done
    | Failed
    | Lost
    | Moved
    | Restored
    | Edit
    | Forgotten
    | LookUpJudged
)
Sign: TypeAlias = Looked | Received | Held | Told
Event: TypeAlias = Fact | Sign

_BY_NAME = {kind.__name__.lower(): kind for kind in (*get_args(Fact), *get_args(Sign))}
_FIELDS = {kind: tuple((each.name, each.default) for each in dataclasses.fields(kind)) for kind in _BY_NAME.values()}


def to_json(event: Event) -> dict[str, Json]:
    """Return the event as one JSON object, its name under `event`, fields at their defaults left out."""
    out: dict[str, Json] = {"event": type(event).__name__.lower()}
    for name, default in _FIELDS[type(event)]:
        value = getattr(event, name)
        if value != default:
            out[name] = _plain(value)
    return out


def from_json(value: dict[str, Json]) -> Event:
    """Return the event that `to_json` wrote; raises `ValueError` for anything else."""
    fields = dict(value)
    kind = _BY_NAME.get(str(fields.pop("event", "")))
    if kind is None:
        raise ValueError(f"`{value.get('event')}` is not an event")
    try:
        return cast("Event", kind(**{name: _rich(name, each) for name, each in fields.items()}))
    except (TypeError, KeyError, ArithmeticError) as error:
        raise ValueError(f"`{kind.__name__.lower()}` does not hold: {error}") from error


def _plain(value: object) -> Json:
    match value:
        case str() | int():
            return value
        case Failure():
            return {"class": value.kind, "code": value.code, "message": value.message}
        case Decimal():
            return str(value)
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return cast("Json", value)


def _rich(name: str, value: Json) -> object:
    match name, value:
        case "failure", {"class": kind, "code": code, "message": message}:
            return Failure(kind=cast("FailureClass", kind), code=str(code), message=str(message))
        case "usd", str():
            return Decimal(value)
        case _, list():
            return tuple(value)
        case _:
            return value
