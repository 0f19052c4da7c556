"""What a reviewer is shown of each job: its video, what made it, what it cost, what went wrong, what was said of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from kling_batch.events import Failure
from kling_batch.job import Json, Key, Request
from kling_batch.plan.diff import Change
from kling_batch.plan.history import result_of
from kling_batch.plan.picks import Pick
from kling_batch.plan.record import Record, State, cost

SPEC_DIGITS = 12
PLAIN_FIELDS = ("mode", "duration", "aspect_ratio", "audio", "negative_prompt", "watermark")
"""What is told of a request beside its prompt; an image's address may be a link that is not for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One generation of a job as it can be looked at.

    `output` is below the output root; `video` and `poster` are addresses that the page can load, `None` where there is
    nothing here. `prompt` is what was sent for it, empty where nobody knows it any more, and `asked` the rest of that
    request, as far as it is plain text and figures.
    """

    generation: int
    spec: str
    prompt: str
    asked: Mapping[str, Json]
    task: str
    sha256: str
    output: str
    usd: Decimal | None
    seconds: float | None
    video: str | None
    poster: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One job as the gallery shows it. `draw` is its result, `None` without one; `past` is newest first.

    `spec` and `task` are those of its latest attempt, `usd` is what all its generations have cost or may cost. `asks`
    is the request that the manifest asks for now, `None` for a job that is gone from it; `is_current` says whether the
    result, or without one the latest attempt, was made from it. `price` is what one submit is expected to cost, in USD.
    """

    key: Key
    shot: str
    axes: tuple[tuple[str, str], ...]
    take: str
    state: State
    because: str
    spec: str
    task: str
    usd: Decimal | None
    price: Decimal | None
    asks: Request | None
    is_current: bool
    failure: Failure | None
    warnings: tuple[str, ...]
    draw: Draw | None
    past: tuple[Draw, ...]
    pick: Pick | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """What the outside knows of a record's files: its sidecar, and the addresses of its video and its poster."""

    sidecar: Callable[[Record], Mapping[str, Json] | None]
    video: Callable[[Record], str | None]
    poster: Callable[[Record], str | None]


def cards(changes: Iterable[Change], picks: Mapping[Key, Pick], views: Views) -> tuple[Card, ...]:
    """Return a card for each job of a plan, in its order; a job that was never bought and is gone has none."""
    return tuple(_card(change, picks.get(change.key), views) for change in changes if change.job or change.record)


def _card(change: Change, pick: Pick | None, views: Views) -> Card:
    record, job = change.record, change.job
    shot, axes, take = (job.shot, job.axes, job.take) if job else parted(change.key)
    result = result_of(record) if record else None
    request = job.request if job else None
    made = result or record
    return Card(
        key=change.key,
        shot=shot,
        axes=axes,
        take=take,
        state=change.state,
        because=change.because,
        spec=_short(record.spec if record else job.spec.hash if job else ""),
        task=(record.task or "") if record else "",
        usd=cost(record) if record else None,
        price=change.price,
        asks=request,
        is_current=bool(made and job and made.spec == job.spec.hash),
        failure=record.failure if record else None,
        warnings=record.warnings if record else (),
        draw=_draw(result, views, request if job and result.spec == job.spec.hash else None) if result else None,
        past=tuple(_draw(each, views, None) for each in _others(record, result)) if record else (),
        pick=pick,
    )


def parted(key: Key) -> tuple[str, tuple[tuple[str, str], ...], str]:
    """Return the shot, the axes with their values' names, and the take that a key is made of."""
    rest, _, take = key.rpartition("#")
    shot, _, named = rest.partition("/")
    pairs = (each.partition("=") for each in named.split(",") if each)
    return shot, tuple((axis, value) for axis, _, value in pairs), take


def _others(record: Record, result: Record | None) -> Iterator[Record]:
    """Yield the other generations that have been made and whose file was kept, newest first."""
    for each in (record, *reversed(record.past)):
        if each is not result and each.state is State.DONE and each.output is not None:
            yield each


def _draw(record: Record, views: Views, request: Request | None) -> Draw:
    body = request.body() if request else _asked_then(views.sidecar(record), record)
    prompt = body.get("prompt")
    return Draw(
        generation=record.generation,
        spec=_short(record.spec),
        prompt=prompt if isinstance(prompt, str) else "",
        asked={name: body[name] for name in PLAIN_FIELDS if isinstance(body.get(name), str | int)},
        task=record.task or "",
        sha256=record.sha256 or "",
        output=record.output or "",
        usd=record.spent,
        seconds=record.seconds,
        video=views.video(record),
        poster=views.poster(record),
    )


def _asked_then(sidecar: Mapping[str, Json] | None, record: Record) -> Mapping[str, Json]:
    """Return the request that a sidecar tells, if it is about this generation."""
    match sidecar:
        case {"spec": spec, "request": dict(request)} if spec == record.spec:
            return request
        case _:
            return {}


def _short(spec: str) -> str:
    return spec.removeprefix("v1:")[:SPEC_DIGITS]
