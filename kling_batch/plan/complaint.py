"""What is wrong with a lock, said with its place and its repair."""

import json
import re

from kling_batch.plan import places
from kling_batch.plan.decode import Damage
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source, Span

WHOLE = "take it as it was with `git show HEAD:` of this file; what the journal knows is added again"
_MARKS = re.compile(r"^(<{7}|\|{7}|={7}|>{7})(?=[ \r\n]|$)", re.MULTILINE)
_NO_NUMBER = re.compile(r"(?<=[\[:,\s])(NaN|-?Infinity)\b")
_BY_KEY = frozenset({"lock-key", "lock-shared-task"})


class DoubledKeyError(ValueError):
    """An object has a key twice."""


def complaint(source: Source, code: str, message: str, repair: str, at: tuple[int, int] = (0, 0)) -> Diagnostic:
    """Return an error about a stretch of a lock's text, counted after its byte order mark."""
    shift = len(source.text) - len(source.text.removeprefix("\ufeff"))
    return Diagnostic(
        code=code, message=message, span=Span(source=source, start=at[0] + shift, end=at[1] + shift), help=repair
    )


def located(source: Source, damage: Damage) -> Diagnostic:
    """Return the error that a damage is, at the value its path leads to (or at the key, where that is at fault)."""
    find = places.find_key if damage.code in _BY_KEY else places.find
    at = find(source.text.removeprefix("\ufeff"), damage.path)
    return complaint(source, damage.code, damage.message, damage.help, at)


def unreadable(source: Source, error: ValueError | RecursionError) -> tuple[Diagnostic, ...]:
    """Say why a text is no JSON, the likeliest reason first; `error` is what the JSON parser raised."""
    text = source.text.removeprefix("\ufeff")
    if not text.strip("\0 \t\r\n"):
        return (complaint(source, "lock-empty", "this lock is empty; a lock never is", WHOLE),)
    if marks := tuple(_MARKS.finditer(text)):
        why = "a merge was left unresolved here"
        repair = "run `kling-batch lock fmt`, which keeps what both sides know"
        return tuple(complaint(source, "lock-conflict", why, repair, mark.span()) for mark in marks)
    if isinstance(error, DoubledKeyError):
        repair = "keep one of the two; `kling-batch lock merge` joins two versions of a lock"
        return tuple(
            complaint(source, "lock-duplicate-key", f"`{name}` is here twice", repair, (start, end))
            for name, start, end in places.doubled_keys(text)
        )
    return (_broken(source, text, error),)


def _broken(source: Source, text: str, error: ValueError | RecursionError) -> Diagnostic:
    match error:
        case json.JSONDecodeError(pos=at, msg=why) if at >= len(text.rstrip()) or "Unterminated" in why:
            return complaint(source, "lock-truncated", "this lock ends too early", WHOLE, (at, at))
        case json.JSONDecodeError(pos=at, msg=why):
            message = f"this is not JSON: {why[0].lower()}{why[1:]}"
            return complaint(source, "lock-syntax", message, WHOLE, (at, at + 1))
        case RecursionError():
            return complaint(source, "lock-syntax", "this is nested too deeply", WHOLE)
        case _:
            found = _NO_NUMBER.search(text)
            return complaint(source, "lock-number", str(error), WHOLE, found.span() if found else (0, 0))
