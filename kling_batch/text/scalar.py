"""What an unquoted scalar means: the resolution table of the YAML 1.2 core schema (YAML 1.2.2, chapter 10.3.2).

`no`, `on`, `16:9`, `1_0` and `2026-01-02` are text in it, `017` is 17, `0o17` is 15 and `0x1F` is 31.
"""

import math
import re

from kling_batch.job import Json

_WORDS: dict[str, Json] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_FIRST = frozenset("~nNtTfF+-.0123456789")
_MAX_DIGITS = 80  # far beyond any number here, far below where reading one takes time
_BOUND = 2**63


def resolve(text: str) -> Json:
    """Return the value of an unquoted scalar; raises `OverflowError` for a number that 64 bits cannot hold."""
    if text and text[0] not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _number(text)
    if _ENDLESS.fullmatch(text):
        raise OverflowError(text)
    return text


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise OverflowError(text)
    value = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if not -_BOUND <= value < _BOUND:
        raise OverflowError(text)
    return value


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise OverflowError(text)
    return value
