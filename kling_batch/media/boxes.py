"""An MP4 looked at without a codec: its boxes walked, and what they say about the picture and the sound.

A file is a row of boxes (ISO/IEC 14496-12, 4.2), each a size, a four-letter type and a content that may be boxes again.
The walk trusts no size: boxes have to fill the file to its last byte, and the index has to name a duration and a track.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_MOST_BOXES = 20_000  # a fragmented clip has hundreds; a hostile file of empty boxes has millions
_SMALLEST = 8
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """What a whole MP4 says about itself; `seconds` is `None` where it does not tell its duration, sizes are pixels."""

    seconds: float | None
    width: int
    height: int
    audio: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Why a file is no whole MP4, and at which byte that shows."""

    why: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    kind: bytes
    start: int  # of its content
    end: int


class _BrokenError(Exception):
    def __init__(self, why: str, at: int) -> None:
        super().__init__(why)
        self.damage = Damage(why=why, at=at)


def is_video_start(first: bytes) -> bool:
    """Say whether a file that begins so may be an MP4; HTML, JSON and images may not. Needs 8 bytes."""
    return first[4:8] == b"ftyp" and int.from_bytes(first[:4]) >= _SMALLEST


def inspect(file: BinaryIO, size: int) -> Video | Damage:
    """Walk the boxes of a file of `size` bytes and return what it shows, or what is wrong with it; never raises.

    `file` has to be seekable; its position afterwards means nothing.
    """
    try:
        return _inspect(file, size)
    except _BrokenError as broken:
        return broken.damage


def _inspect(file: BinaryIO, size: int) -> Video:
    file.seek(0)
    if not is_video_start(file.read(_SMALLEST)):
        raise _BrokenError("it does not begin with `ftyp`", 0)
    top: set[bytes] = set()
    handlers: set[bytes] = set()
    seconds: float | None = None
    width = height = 0
    for depth, box in _nested(file, 0, size, iter(range(_MOST_BOXES))):
        match box.kind:
            case b"mvhd":
                seconds = _duration(_content(file, box))
            case b"tkhd":
                wide, high = _extent(_content(file, box))
                width, height = max(width, wide), max(height, high)
            case b"hdlr":
                handlers.add(_content(file, box)[8:12])
            case kind if depth == 0:
                top.add(kind)
            case _:
                pass
    missing = [kind.decode() for kind in (b"moov", b"mdat") if kind not in top]
    if missing or b"vide" not in handlers:
        raise _BrokenError(f"it has no {f'`{missing[0]}` box' if missing else 'video track'}", size)
    return Video(seconds=seconds, width=width, height=height, audio=b"soun" in handlers)


def _nested(file: BinaryIO, start: int, end: int, budget: Iterator[int], depth: int = 0) -> Iterator[tuple[int, _Box]]:
    """Yield every box between two bytes, and those in the containers that lead to the headers of the tracks.

    They have to fill the room that they are in exactly, and to be no more in all than the budget has items.
    """
    at = start
    while at != end:
        if next(budget, None) is None:
            raise _BrokenError("it has too many boxes", at)
        box = _box(file, at, end)
        yield depth, box
        if box.kind in _CONTAINERS and depth < len(_CONTAINERS):
            yield from _nested(file, box.start, box.end, budget, depth + 1)
        at = box.end


def _box(file: BinaryIO, at: int, end: int) -> _Box:
    file.seek(at)
    header = file.read(min(16, end - at))
    size, kind, length = int.from_bytes(header[:4]), header[4:8], _SMALLEST
    if size == 1:  # the real size stands behind the type, in 64 bits
        size, length = int.from_bytes(header[8:16]), 16
    elif size == 0:  # to the end of the room it is in
        size = end - at
    if len(header) < length:
        raise _BrokenError("it ends in the head of a box", at)
    if size < length:
        raise _BrokenError("a box is smaller than its own head", at)
    if at + size > end:
        raise _BrokenError("a box reaches past the end", at)
    return _Box(kind=kind, start=at + length, end=at + size)


def _content(file: BinaryIO, box: _Box) -> bytes:
    """Return the first 128 bytes of a box, more than any header that is read here needs."""
    file.seek(box.start)
    return file.read(min(128, box.end - box.start))


def _duration(mvhd: bytes) -> float | None:
    """Return the seconds that a movie header tells (8.2.2); all bits set, or 0 of a fragmented file, is unknown."""
    wide = mvhd[:1] == b"\x01"
    scale = int.from_bytes(mvhd[20:24] if wide else mvhd[12:16])
    units = mvhd[24:32] if wide else mvhd[16:20]
    known = int.from_bytes(units) if units.strip(b"\xff") else 0
    return known / scale if scale and known else None


def _extent(tkhd: bytes) -> tuple[int, int]:
    """Return width and height of a track header (8.3.2), fixed-point 16.16; those of a sound track are 0."""
    at = 88 if tkhd[:1] == b"\x01" else 76
    return int.from_bytes(tkhd[at : at + 2]), int.from_bytes(tkhd[at + 4 : at + 6])
