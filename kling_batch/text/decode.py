"""Bytes become text: UTF-8 and nothing else, with the byte named where it is something else."""

import codecs

from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source

MAX_BYTES = 5_000_000
"""The most that one file written by hand may hold; who reads a file need not read more than one byte beyond it."""

_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_HELP = "save the file as UTF-8"


def decode(name: str, data: bytes, *, limit: int = MAX_BYTES) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """Return the text of a file as a source, its byte order mark dropped, or why its bytes are no text.

    `name` is the path as people know it, `limit` the most bytes that are accepted.
    """
    fault = too_large(name, limit) if len(data) > limit else _wide(name, data)
    if fault is not None:
        return None, (fault,)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, (_undecodable(name, data, error),)
    return Source(name, text), ()


def too_large(name: str, limit: int = MAX_BYTES) -> Diagnostic:
    """Return the complaint about a file of more bytes than `limit`, for who has not read it to its end."""
    return Diagnostic(
        code="too-large",
        message=f"the file has more than {limit:,} bytes",
        place=f"{name}:1:1",
        help="let a matrix make the jobs, or keep long lists in a data file",
    )


def _wide(name: str, data: bytes) -> Diagnostic | None:
    encoding = next((label for mark, label in _WIDE.items() if data.startswith(mark)), None)
    if encoding is None and data[:4].count(0) >= 2:  # noqa: PLR2004 - half of the bytes of ASCII in UTF-16 are zero
        encoding = "UTF-16"
    if encoding is None:
        return None
    return Diagnostic(
        code="bad-encoding", message=f"the file is {encoding}, from byte 0 on", place=f"{name}:1:1", help=_HELP
    )


def _undecodable(name: str, data: bytes, error: UnicodeDecodeError) -> Diagnostic:
    at = error.start + (len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0)
    before = data[:at].removeprefix(codecs.BOM_UTF8)
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
    half = data[at] == 0xED and data[at + 1 : at + 2] >= b"\xa0"  # noqa: PLR2004 - U+D800 to U+DFFF, put into UTF-8
    what = "half of a surrogate pair" if half else "not UTF-8"
    return Diagnostic(
        code="bad-encoding",
        message=f"byte {at} (`0x{data[at]:02x}`) is {what}",
        place=f"{name}:{line}:{column}",
        help=_HELP,
    )
