"""What the head of a download's answer means: where its bytes belong, or why there are none (reliability b5).

Two versions of a file are never spliced: bytes are taken for the rest of a part only if the answer says in so many
words that they begin where the part ends, and shows no other validator than the one that the part came with.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kling_batch.api.answers import Fault, FaultKind, LinkDead
from kling_batch.api.faults import header, wait_of

OK, PARTIAL, UNSATISFIABLE = 200, 206, 416
DEAD = frozenset({401, 403, 404, 410})
MOVED = frozenset({301, 302, 303, 307, 308})
WAITING = frozenset({425, 429, 503})

_STRONG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Bytes follow, the first of them at `start` of a file of `total` bytes (`None` where that is not told)."""

    start: int
    total: int | None
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The file is elsewhere."""

    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOver:
    """The part cannot be continued: the file has to be asked for from its first byte."""


Head: TypeAlias = Begun | Moved | StartOver | LinkDead | Fault


def range_headers(start: int, etag: str | None) -> dict[str, str]:
    """Return the headers that ask for the rest of a part, none where it cannot be asked for safely."""
    strong = strong_etag(etag)
    return {"Range": f"bytes={start}-", "If-Range": strong} if start > 0 and strong else {}


def strong_etag(told: str | None) -> str | None:
    """Return an entity tag if it vouches for every byte; a weak one (`W/"..."`) does not."""
    return told if told and _STRONG.fullmatch(told) else None


def head_of(status: int, headers: Mapping[str, str], *, asked: int, etag: str | None, most: int) -> Head:
    """Read the head of an answer to a request from byte `asked` on; `most` bytes are taken, of a larger file none."""
    if status in MOVED:
        location = header(headers, "location")
        return Moved(location=location) if location else _fault(FaultKind.UNCLEAR, status, "redirected to nowhere")
    if status in DEAD:
        return LinkDead(status=status)
    if status not in (OK, PARTIAL):
        return _without_bytes(status, headers, asked)
    if header(headers, "content-encoding").strip().lower() not in ("", "identity"):
        return _fault(FaultKind.REFUSED, status, "sent compressed, though plain bytes were asked for", "encoded")
    begun = _rest(headers, asked, etag) if status == PARTIAL else _all(headers)
    if isinstance(begun, Begun) and begun.total is not None and begun.total > most:
        return _fault(FaultKind.REFUSED, status, f"{begun.total} bytes are more than the {most} allowed", "too-large")
    return begun


def _without_bytes(status: int, headers: Mapping[str, str], asked: int) -> StartOver | Fault:
    if status == UNSATISFIABLE and asked:
        return StartOver()
    if status in WAITING:
        return _fault(FaultKind.RATE, status, "the file host asks to wait", wait=wait_of(headers))
    is_refusal = 400 <= status < 500 and status != 408  # noqa: PLR2004 - HTTP's own figures
    return _fault(FaultKind.REFUSED if is_refusal else FaultKind.UNCLEAR, status, f"the file host answered {status}")


def _all(headers: Mapping[str, str]) -> Begun:
    return Begun(start=0, total=_length(headers), etag=strong_etag(header(headers, "etag")))


def _rest(headers: Mapping[str, str], asked: int, etag: str | None) -> Begun | StartOver | Fault:
    if not asked:
        return _fault(FaultKind.UNCLEAR, PARTIAL, "a part came, though the whole was asked for")
    told = _RANGE.fullmatch(header(headers, "content-range").strip().lower())
    if told is None:
        return StartOver()
    first, last, total = int(told[1]), int(told[2]), None if told[3] == "*" else int(told[3])
    length, shown = _length(headers), header(headers, "etag")
    is_whole = first == asked <= last and (total is None or last < total) and length in (None, last - first + 1)
    if not is_whole or (shown and shown != etag):
        return StartOver()
    return Begun(start=asked, total=total, etag=strong_etag(etag))


def _length(headers: Mapping[str, str]) -> int | None:
    told = header(headers, "content-length").strip()
    is_figure = told.isascii() and told.isdecimal() and len(told) <= 15  # noqa: PLR2004 - more digits than any file has
    return int(told) if is_figure and not header(headers, "transfer-encoding") else None


def _fault(kind: FaultKind, status: int, message: str, code: str = "", wait: float | None = None) -> Fault:
    return Fault(kind=kind, status=status, code=code, message=message, wait=wait)
