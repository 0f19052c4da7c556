"""What a campaign has left below its output root: its videos, and beside each the sidecar that says whose it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from kling_batch.errors import StateError
from kling_batch.events import Done, Fact, Intended, Redrawn, Submitted
from kling_batch.job import BusinessId, Job, Json, Key, Request, SpecHash, TaskId, business_id
from kling_batch.media.boxes import Damage, inspect
from kling_batch.plan.decode import is_task_id
from kling_batch.run.shelf import Shelf
from kling_batch.run.workspace import Campaign, prices

MOST_ATTEMPTS = 100  # among which the one is looked for that a business id is of
_SPEC = re.compile(r"v1:[0-9a-f]{64}")
_KEY = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,1000}")
_UNKNOWN = ("-", "-", "-", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A whole video that lies under the name of a draw: checksum, bytes, and seconds of play."""

    sha256: str
    bytes: int
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One draw of a job as its sidecar tells it, and the video beside it, if it is there and whole."""

    key: Key
    spec: SpecHash
    parts: tuple[str, str, str, str]
    generation: int
    attempt: int
    business_id: BusinessId | None
    task: TaskId | None
    output: str
    usd: Decimal | None
    video: Video | None

    def facts(self) -> Iterator[Fact]:
        """Yield what must have happened, in its order; without a video its task is still to be looked at."""
        if self.business_id is None:
            yield Redrawn(
                key=self.key,
                spec=self.spec,
                parts=self.parts,
                generation=self.generation,
                output=self.output,
                why="recovered",
                task=self.task,
                usd=self.usd,
            )
        else:
            yield self.intent(self.attempt, self.business_id)
        if self.business_id is not None and self.task is not None:
            yield Submitted(key=self.key, task=self.task)
        if self.video is not None:
            video = self.video
            yield Done(key=self.key, output=self.output, sha256=video.sha256, bytes=video.bytes, seconds=video.seconds)

    def intent(self, attempt: int, own: BusinessId) -> Intended:
        """Return the intent of one attempt at this draw."""
        return Intended(
            key=self.key,
            spec=self.spec,
            parts=self.parts,
            generation=self.generation,
            attempt=attempt,
            business_id=own,
            output=self.output,
            usd=self.usd,
        )


def draws(campaign: Campaign) -> tuple[Draw, ...]:
    """Return every draw that sidecars of this campaign tell of, each task once, a job's present one after its past."""
    reading = _Reading(campaign)
    found = sorted(filter(None, map(reading.draw, _sidecars(campaign))), key=reading.rank)
    last = {draw.task: draw for draw in found if draw.task}
    return tuple(draw for draw in found if draw.task is None or last[draw.task] is draw)


def _sidecars(campaign: Campaign) -> list[str]:
    root = campaign.places.outputs
    paths = (path.relative_to(root).as_posix() for path in root.rglob("*.mp4.json"))
    return sorted(path.removesuffix(".json") for path in paths)


class _Reading:
    """Reads the sidecars of one campaign."""

    def __init__(self, campaign: Campaign) -> None:
        self._project, self._owns = campaign.manifest.project, campaign.owns
        self._shelf = Shelf(root=campaign.places.outputs)
        self._prices = prices(campaign)
        self._jobs = {job.key: job for job in campaign.manifest.jobs}
        self._specs = {job.spec.hash: job for job in campaign.manifest.jobs}

    def rank(self, draw: Draw) -> tuple[bool, bool, bool, int]:
        """Order draws so that the one that is a job's result comes last."""
        job = self._jobs.get(draw.key)
        wanted = job is not None and job.spec.hash == draw.spec
        return draw.video is not None, "~" not in draw.output.rpartition("/")[2], wanted, draw.generation

    def draw(self, output: str) -> Draw | None:
        """Return the draw that lies under a name, or `None` where its sidecar is not one of this campaign."""
        try:
            beside, video = self._shelf.sidecar(output) or {}, self._video(output)
        except (OSError, StateError):
            return None
        match beside:
            case {"key": str(key), "spec": str(spec), "generation": int(generation)} if self._owns(beside):
                task, own = beside.get("task"), beside.get("business_id")
            case _:
                return None
        if not (_KEY.fullmatch(key) and _SPEC.fullmatch(spec) and generation >= 1) or (task is None and video is None):
            return None
        if any(each is not None and not (isinstance(each, str) and is_task_id(each)) for each in (task, own)):
            return None
        job = self._specs.get(SpecHash(spec))
        return Draw(
            key=Key(key),
            spec=SpecHash(spec),
            parts=job.spec.parts if job else _UNKNOWN,
            generation=generation,
            attempt=self._attempt(Key(key), SpecHash(spec), generation, own),
            business_id=BusinessId(str(own)) if own else None,
            task=TaskId(str(task)) if task else None,
            output=output,
            usd=self._price(beside.get("request"), job) if task else Decimal(0),
            video=video,
        )

    def _video(self, output: str) -> Video | None:
        path = self._shelf.path(output)
        checksum = self._shelf.checksum(output)
        if checksum is None:
            return None
        size = path.stat().st_size
        with path.open("rb") as file:
            verdict = inspect(file, size)
        if isinstance(verdict, Damage):
            return None
        return Video(sha256=checksum, bytes=size, seconds=verdict.seconds and round(verdict.seconds, 2))

    def _attempt(self, key: Key, spec: SpecHash, generation: int, own: Json) -> int:
        """Return which attempt an id was made for; 1 for an id that is not of our making, as after a rename."""
        ids = (business_id(self._project, key, spec, generation, number) for number in range(1, MOST_ATTEMPTS))
        return next((number for number, each in enumerate(ids, 1) if each == own), 1)

    def _price(self, request: Json, job: Job | None) -> Decimal | None:
        match request:
            case {"model": str(model), **rest}:
                mode, duration, audio = rest.get("mode"), rest.get("duration"), rest.get("audio")
                asked = Request(
                    prompt="",
                    model=model,
                    mode="pro" if mode == "pro" else "std",
                    duration=duration if isinstance(duration, int) else None,
                    audio=audio is True,
                )
                return self._prices.usd(asked)
            case _:
                return self._prices.usd(job.request) if job else None
