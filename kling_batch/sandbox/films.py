"""The file host: a task's video in parts, and the pieces of it that a request asks for (RFC 9110, 14)."""

import hashlib
import re
from functools import cache

from kling_batch.media.clips import clip, free_box, padding
from kling_batch.sandbox.answer import Answer, Part
from kling_batch.sandbox.task import Task

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def film(task: Task, size: int, painted: bytes | None = None) -> tuple[Part, ...]:
    """Return a task's video, with the task's id in it: the one `painted` for it, or the clip of its kind.

    It is padded to `size` bytes if that is more.
    """
    mark = free_box(task.id.encode())
    if painted is not None:
        return painted, *([padding(size - len(painted) - len(mark))] if size > len(painted) + len(mark) else []), mark
    return _padded(task.mode, task.ratio, task.duration, task.audio, size - len(mark)), mark


@cache
def _padded(mode: str, ratio: str, seconds: int, audio: bool, size: int) -> memoryview:  # noqa: FBT001 - a cache's key
    video = clip(mode, ratio, seconds, audio=audio)
    return memoryview(video + padding(size - len(video)) if size > len(video) else video)


def sent(task: Task, size: int, wanted: str | None, if_range: str | None, painted: bytes | None = None) -> Answer:
    """Return a task's video, or the part of it that the `Range` header names, if `If-Range` still holds."""
    parts = film(task, size, painted)
    total = sum(len(part) for part in parts)
    etag = f'"{hashlib.sha256(f"{task.id}:{total}".encode()).hexdigest()[:32]}"'
    headers = (("content-type", "video/mp4"), ("accept-ranges", "bytes"), ("etag", etag))
    span = _span(wanted, total) if if_range in (None, etag) else None
    if span is None:
        return Answer(status=200, headers=headers, parts=parts)
    start, stop = span
    if start >= stop:
        return Answer(status=416, headers=(*headers, ("content-range", f"bytes */{total}")))
    told = ("content-range", f"bytes {start}-{stop - 1}/{total}")
    return Answer(status=206, headers=(*headers, told), parts=_cut(parts, start, stop))


def _span(wanted: str | None, total: int) -> tuple[int, int] | None:
    """Return first byte and end of a range; `None` for one that is to be ignored, an empty one if it cannot be met."""
    match = _RANGE.fullmatch(wanted or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        return total - min(total, int(last)), total
    if last != "" and int(last) < int(first):
        return None
    return int(first), min(total, int(last) + 1 if last else total)


def _cut(parts: tuple[Part, ...], start: int, stop: int) -> tuple[Part, ...]:
    """Return the bytes from start to stop, without copying."""
    out: list[Part] = []
    at = 0
    for part in parts:
        piece = memoryview(part)[max(0, start - at) : max(0, stop - at)]
        if len(piece):
            out.append(piece)
        at += len(part)
    return tuple(out)
