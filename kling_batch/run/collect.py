"""A finished task's video brought home: part file, checks, sidecar, name; nothing is believed before it is synced.

The order is what makes a kill at any instant harmless (reliability b5): bytes into the part file, the sidecar, then the
name, then the folder, and only then the fact. A file found under its name with a sidecar of the same task is done.
"""

import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from kling_batch.api.answers import Body, Fault, Interrupted, LinkDead
from kling_batch.errors import DiskError, StateError
from kling_batch.events import Done, Failure
from kling_batch.job import Json, Request, TaskId
from kling_batch.media.boxes import Damage, Video, inspect, is_video_start
from kling_batch.plan.record import DAMAGED
from kling_batch.run.courses import Course
from kling_batch.run.lifecycle import told
from kling_batch.run.ports import Broken, Brought, Damaged, FetchAnswer, InTheWay, NoVideo, Service
from kling_batch.run.shelf import Shelf
from kling_batch.store import PartFile

_BARRED = frozenset({errno.ELOOP, errno.EISDIR, errno.ENOTDIR, errno.EINVAL})  # a link, folder or pipe: no try mends it
GATHER = 1024 * 1024  # bytes to a write: one thread hop each
OFF = 0.5  # seconds that a video may differ from what was asked for
SHORT_SIDES = {"std": 720, "pro": 1080}
RATIOS = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1.0}

P = ParamSpec("P")
T = TypeVar("T")


class Offload(Protocol):
    """Runs blocking work where it does not hold the loop up."""

    async def __call__(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the work returns, or raise what it raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Brings videos to the shelf."""

    service: Service
    shelf: Shelf
    offload: Offload

    async def bring(
        self, course: Course, task: TaskId, url: str, show: Callable[[int, int | None], Awaitable[None]]
    ) -> FetchAnswer | LinkDead:
        """Bring one video home, from where it was left; whatever goes wrong is an answer, never an exception."""
        try:
            part = await self.offload(self._begin, course, task)
            if not isinstance(part, PartFile):
                return part
            try:
                return await self._download(course, task, url, part, show)
            finally:
                part.close()
        except StateError as error:
            return InTheWay(why=error.message)
        except DiskError as error:
            return Broken(why=error.message)
        except OSError as error:
            why = f"`{course.output}` cannot be written: {error.strerror or error}"
            return InTheWay(why=why) if error.errno in _BARRED else Broken(why=why)

    def _begin(self, course: Course, task: TaskId) -> PartFile | FetchAnswer:
        """Return the part file to go on with, or what was brought home before."""
        return self._found(course) if self.shelf.is_from(course.output, task) else self.shelf.part(course.output)

    async def _download(
        self,
        course: Course,
        task: TaskId,
        url: str,
        part: PartFile,
        show: Callable[[int, int | None], Awaitable[None]],
    ) -> FetchAnswer | LinkDead:
        async with self.service.fetch(url, part.size, part.etag) as body:
            match body:
                case LinkDead():
                    return body
                case Fault():
                    return Broken(why=told(body))
            if body.start and not _goes_on(part, body):
                await self.offload(part.restart)
                return Broken(why="the file host goes on with another version of the video")
            version = (body.etag, body.total if body.etag else None)  # without an etag nothing is ever gone on with
            if not body.start and (part.size or version != (part.etag, part.total)):
                await self.offload(part.restart, *version)
            try:
                await self._pour(body, part, show)
            except Interrupted as broken:
                return Broken(why=told(broken.fault))
        whole = body.start == 0 and body.total == part.size  # what was put together of several answers proves nothing
        return await self.offload(self._accept, course, task, part, whole=whole)

    async def _pour(self, body: Body, part: PartFile, show: Callable[[int, int | None], Awaitable[None]]) -> None:
        gathered = bytearray()
        try:
            async for chunk in body.chunks:
                gathered += chunk
                if len(gathered) >= GATHER:
                    await self.offload(part.append, bytes(gathered))
                    gathered.clear()
                    await show(part.size, body.total)
        finally:
            if gathered:  # what has come is paid for in time: it is kept for the next try
                part.append(bytes(gathered))

    def _accept(self, course: Course, task: TaskId, part: PartFile, *, whole: bool) -> FetchAnswer:
        with part.open() as file:
            start = file.read(16)
            verdict = inspect(file, part.size)
        if isinstance(verdict, Damage):
            if whole and is_video_start(start):
                part.suspect()
                why = f"the video is damaged at byte {verdict.at}: {verdict.why}"
                return Damaged(failure=Failure(kind="invalid", code=DAMAGED, message=why))
            part.discard()
            return NoVideo(why="what the file host sends is no whole MP4")
        if course.expected not in {None, part.sha256}:
            part.suspect()
            why = "what the service sends now is not the video that was recorded; it is kept as `.suspect`"
            return Damaged(failure=Failure(kind="invalid", code="another-video", message=why))
        kept = self._make_room(course)
        if isinstance(kept, InTheWay):
            return kept
        self.shelf.write_sidecar(course.output, sidecar(course, task))
        part.finish()
        self.shelf.seen.remember(course.output, part.sha256)
        return self._done(course, verdict, part.sha256, part.size, kept)

    def _make_room(self, course: Course) -> str | InTheWay:
        """Set the file of the generation before aside; return its new place, empty if there was none."""
        if self.shelf.is_free(course.output):
            return self.shelf.aside(course.output, course.old_sha256)
        lies = self.shelf.checksum(course.output)
        if lies is None or lies != course.old_sha256:
            return InTheWay(why=f"a file that is not of this job lies at `{course.output}`; it was not touched")
        return self.shelf.set_aside(course.output, lies)

    def _found(self, course: Course) -> FetchAnswer:
        """Return what was brought home before, when a kill came between the name and the fact."""
        path = self.shelf.path(course.output)
        size = path.stat().st_size
        with path.open("rb") as file:
            verdict = inspect(file, size)
        checksum = self.shelf.checksum(course.output)
        if isinstance(verdict, Damage) or checksum is None:
            return InTheWay(why=f"the file at `{course.output}` has changed since it was downloaded")
        return self._done(course, verdict, checksum, size, "")

    @staticmethod
    def _done(course: Course, video: Video, sha256: str, size: int, kept: str) -> Brought:
        warnings = () if course.edited else differences(course.job.request, video)
        seconds = None if video.seconds is None else round(video.seconds, 2)
        done = Done(
            key=course.key,
            output=course.output,
            sha256=sha256,
            bytes=size,
            seconds=seconds,
            warnings=warnings,
            kept=kept,
        )
        return Brought(done=done)


def _goes_on(part: PartFile, body: Body) -> bool:
    """Say whether an answer goes on where the part ends, with the same version of the same length."""
    return body.start == part.size and body.etag == part.etag and body.total in {None, part.total}


def sidecar(course: Course, task: TaskId) -> dict[str, Json]:
    """Return what lies beside a video: what was sent for it, and under which names."""
    request = None if course.edited else course.job.request.body()
    out: dict[str, Json] = {
        "kling_batch": 1,
        "project": course.project,
        "service": course.service,
        "key": course.key,
        "task": task,
        "business_id": course.business_id,
        "spec": course.spec,
        "generation": course.generation,
        "request": request,
    }
    assets: dict[str, Json] = {image.url: image.sha256 for image in course.job.request.images if image.sha256}
    return out | ({"assets": assets} if assets and not course.edited else {})


def differences(request: Request, video: Video) -> tuple[str, ...]:
    """Return in what a video is not what was asked for: length, size of the picture, sound (contract 1.2)."""
    told: list[str] = []
    asked = request.duration or 5
    if video.seconds is not None and abs(video.seconds - asked) > OFF:
        told.append(f"plays {video.seconds:.2f} s, not {asked}")
    short = SHORT_SIDES[request.mode or "std"]
    if min(video.width, video.height) < short:
        told.append(f"is {video.width}x{video.height}, smaller than {short}p")
    ratio = RATIOS.get(request.aspect_ratio or "16:9")
    if ratio and not request.images and video.height and abs(video.width / video.height / ratio - 1) > 0.05:  # noqa: PLR2004 - encoders round sides
        told.append(f"is {video.width}x{video.height}, not {request.aspect_ratio or '16:9'}")
    if video.audio != bool(request.audio):
        told.append("has sound" if video.audio else "has no sound")
    return tuple(told)
