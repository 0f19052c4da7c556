"""The bytes of an answer, read as JSON by a reader that nothing in them can hurt."""

import json
import zlib
from decimal import Decimal, InvalidOperation


def parsed(body: bytes) -> object:
    """Return the JSON value of a body, every number as an exact `Decimal`; `None` where it is not JSON.

    A byte order mark, broken UTF-8 and `NaN` (read as null) are borne; of a doubled key the last one counts.
    """
    text = body.decode("utf-8-sig", errors="replace")
    try:
        return json.loads(text, parse_float=_exact, parse_int=_exact, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def at(value: object, *path: str | int) -> object:
    """Return what lies under a path of keys and indices, `None` where it leads nowhere."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def readable(body: bytes) -> str:
    """Return a body as text; of JSON nothing stays hidden behind an escape. Empty where it is nested too deep."""
    value = parsed(body)
    try:
        return body.decode(errors="replace") if value is None else json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return ""


def uncompressed(body: bytes, encoding: str, longest: int) -> bytes:
    """Return a body uncompressed where a host compressed it unasked, at most `longest` bytes of it."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, longest)
    except zlib.error:
        return body


def _exact(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _no_number(_: str) -> None:
    return None
