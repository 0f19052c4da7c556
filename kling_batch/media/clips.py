"""The clips that the sandbox hands out: real H.264 videos, one for each kind that can be asked for."""

from functools import cache
from importlib.resources import files

RATIOS = ("16:9", "9:16", "1:1")
_FREE_HEADER = 8


@cache
def clip(mode: str, ratio: str, seconds: int, *, audio: bool = False) -> bytes:
    """Return the clip of that kind: 720 lines in `std`, 1080 in `pro`, with a tone where `audio` is asked for.

    Raises `FileNotFoundError` for a kind that the service does not make.
    """
    name = f"{mode}-{ratio.replace(':', 'x')}-{seconds}{'-audio' if audio else ''}.mp4"
    return (files(__package__) / "clips" / name).read_bytes()


def unique(video: bytes, mark: str) -> bytes:
    """Return the same video as a file of its own: the mark stands in a `free` box at its end, which players skip."""
    return video + free_box(mark.encode())


def free_box(content: bytes) -> bytes:
    """Return a `free` box (ISO/IEC 14496-12, 8.1.2) around some bytes."""
    return (_FREE_HEADER + len(content)).to_bytes(4) + b"free" + content


def padding(size: int) -> bytes:
    """Return a `free` box of exactly so many bytes, or the smallest one there is."""
    return free_box(bytes(max(0, size - _FREE_HEADER)))
