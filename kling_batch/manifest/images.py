"""Local images, looked at by their first bytes only: what they are, and how large they say they are."""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

MEGABYTES = 10
SHORTEST = 300
"""Pixels of the shorter side, at least (official Kling's image-to-video page; contract section 7)."""
LONGEST = 16_384
RATIO = 2.5
_MARK = 0xFF
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_KINDS: tuple[tuple[str, bytes, int], ...] = (
    ("PNG", b"\x89PNG\r\n\x1a\n", 0),
    ("JPEG", b"\xff\xd8\xff", 0),
    ("GIF", b"GIF87a", 0),
    ("GIF", b"GIF89a", 0),
    ("WebP", b"WEBP", 8),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A local image that can be sent: what it is, its sides in pixels where its header tells them, and its sha256."""

    kind: str
    sides: tuple[int, int] | None
    sha256: str


def look(content: bytes) -> Picture | tuple[str, str]:
    """Return what an image is, or the code and the reason why it cannot be sent."""
    kind = next((name for name, magic, at in _KINDS if content[at : at + len(magic)] == magic), None)
    if kind is None:
        return "image-type", "is no PNG, JPEG, WebP or GIF, whatever its name says"
    if len(content) > MEGABYTES * 1_000_000:
        return "image-size", f"has {len(content) / 1e6:.1f} MB, and an image has at most {MEGABYTES} MB"
    try:
        sides = _HEADERS[kind](content)
    except (struct.error, IndexError):
        return "image-type", f"is a {kind} that is cut off in its header"
    if sides is not None and (fault := _sides_fault(*sides)) is not None:
        return "image-size", fault
    return Picture(kind=kind, sides=sides, sha256=hashlib.sha256(content).hexdigest())


def _sides_fault(width: int, height: int) -> str | None:
    shown = f"is {width} x {height} pixels"
    if min(width, height) < SHORTEST:
        return f"{shown}, and each side has at least {SHORTEST}"
    if max(width, height) > LONGEST:
        return f"{shown}, and no side has more than {LONGEST}"
    if max(width, height) > RATIO * min(width, height):
        return f"{shown}, and the longer side is at most {RATIO} times the shorter"
    return None


def _png(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _gif(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack("<HH", content[6:10])
    return width, height


def _jpeg(content: bytes) -> tuple[int, int] | None:
    """Walk the markers to the frame header (ITU-T T.81, B.2.2), which has the height before the width."""
    at = 2
    while at + 4 <= len(content):
        if content[at] != _MARK:
            return None
        marker = content[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 1 if marker == _MARK else 2 + struct.unpack(">H", content[at + 2 : at + 4])[0]
    return None


def _webp(content: bytes) -> tuple[int, int] | None:
    """Read the first chunk (RFC 9649): lossy, lossless or extended."""
    match content[12:16]:
        case b"VP8 ":
            width, height = struct.unpack("<HH", content[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack("<I", content[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
        case _:
            return None


_HEADERS: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "GIF": _gif,
    "WebP": _webp,
}
