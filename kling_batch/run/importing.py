"""A video made elsewhere, brought to a job's place as a download is: checked, hashed, synced, and only then told.

The file it comes from is copied and stays where it is.
"""

from pathlib import Path

from kling_batch.errors import UsageError
from kling_batch.events import Done, Redrawn
from kling_batch.job import Job, Json
from kling_batch.media.boxes import Damage, Video, inspect
from kling_batch.plan.history import result_of
from kling_batch.plan.record import Record
from kling_batch.run.collect import differences
from kling_batch.run.shelf import Shelf
from kling_batch.run.workspace import Campaign
from kling_batch.store import copy_file, sha256_of


def bring(source: Path, campaign: Campaign, job: Job, record: Record | None, drawn: Redrawn) -> Done:
    """Copy a video to a job's output, set the one before it aside, and return the fact; found there, it is not copied.

    Raises `UsageError` where it is no whole MP4, cannot be read, or a file that no record knows is in its way.
    """
    shelf = Shelf(root=campaign.places.outputs)
    video, sha256, size = _checked(source)
    kept = ""
    if shelf.is_free(job.output) or shelf.checksum(job.output) != sha256:
        kept = _make_room(job, record, shelf)
        copy_file(source, shelf.place(job.output))
    if shelf.sidecar(job.output) is None:
        shelf.write_sidecar(job.output, _sidecar(campaign, job, drawn))
    return Done(
        key=job.key,
        output=job.output,
        sha256=sha256,
        bytes=size,
        seconds=None if video.seconds is None else round(video.seconds, 2),
        warnings=differences(job.request, video),
        kept=kept,
    )


def _checked(source: Path) -> tuple[Video, str, int]:
    try:
        size = source.stat().st_size
        with source.open("rb") as file:
            verdict = inspect(file, size)
        sha256 = sha256_of(source)
    except OSError as error:
        raise UsageError(f"`{source}` cannot be read: {error.strerror or error}") from error
    if isinstance(verdict, Damage):
        raise UsageError(f"`{source}` is no whole MP4: {verdict.why}, at byte {verdict.at}")
    return verdict, sha256, size


def _make_room(job: Job, record: Record | None, shelf: Shelf) -> str:
    before = result_of(record) if record else None
    old = before.sha256 if before else None
    if shelf.is_free(job.output):
        return shelf.aside(job.output, old)
    if old is None or shelf.checksum(job.output) != old:
        raise UsageError(f"a file that is not of this job lies at `{job.output}`", help="move it away first")
    return shelf.set_aside(job.output, old)


def _sidecar(campaign: Campaign, job: Job, drawn: Redrawn) -> dict[str, Json]:
    return {
        "kling_batch": 1,
        "project": campaign.manifest.project,
        "service": campaign.service,
        "key": job.key,
        "task": None,
        "business_id": None,
        "spec": drawn.spec,
        "generation": drawn.generation,
        "request": None,
    }
