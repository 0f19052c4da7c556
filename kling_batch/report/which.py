"""What made a video: its job, prompt, manifest, record and commit."""

from collections.abc import Mapping
from dataclasses import dataclass

from kling_batch.job import Json, Key
from kling_batch.plan.encode import payload
from kling_batch.plan.record import Record
from kling_batch.report.money import price
from kling_batch.report.table import aligned
from kling_batch.text.plain import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """One answer, its paths as people here type them.

    `request` is `None` where nobody knows it; `commit` is hash, date, author and subject.
    """

    video: str
    key: Key
    project: str
    service: str
    manifest: str | None
    lock: str
    draw: Record
    is_result: bool
    is_whole: bool
    request: Mapping[str, Json] | None
    told_by: str
    commit: tuple[str, str, str, str] | None


def which_json(which: Which) -> dict[str, Json]:
    """Return an answer as data."""
    names = ("hash", "date", "author", "subject")
    commit: Json = None if which.commit is None else dict(zip(names, which.commit, strict=True))
    return {
        "file": which.video,
        "key": which.key,
        "project": which.project,
        "service": which.service,
        "manifest": which.manifest,
        "lock": which.lock,
        "is_result": which.is_result,
        "is_as_recorded": which.is_whole,
        "request": None if which.request is None else dict(which.request),
        "told_by": which.told_by or None,
        "record": payload(which.draw),
        "commit": commit,
    }


def which_text(which: Which) -> str:
    """Return an answer for a terminal."""
    draw = which.draw
    rows = [
        ("job", which.key),
        ("manifest", which.manifest or "gone"),
        ("lock", which.lock),
        ("commit", " ".join((which.commit[0][:10], *which.commit[1:])) if which.commit else "not committed yet"),
        ("task", draw.task or "none: it was imported"),
        ("cost", price(draw.spent) if draw.task else ""),
        ("draw", f"generation {draw.generation}, attempt {draw.attempt}, {_standing(which)}"),
        ("reason", draw.reason),
        ("file", "" if which.is_whole else "not the one that was recorded; told by its sidecar"),
        ("prompt", _prompt(which)),
    ]
    return "".join(f"{line}\n" for line in [plain(which.video), *aligned([r for r in rows if r[1]], indent="  ")])


def _standing(which: Which) -> str:
    return "the job's result" if which.is_result else "superseded"


def _prompt(which: Which) -> str:
    prompt = which.request.get("prompt") if which.request else None
    return f"{prompt} (told by {which.told_by})" if isinstance(prompt, str) else "not known any more"
