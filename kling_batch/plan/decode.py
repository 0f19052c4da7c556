"""A record out of a lock that anybody may have edited: every field is checked before anything is believed."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar, cast, get_args

from kling_batch.events import Failure, FailureClass
from kling_batch.job import Json
from kling_batch.plan.record import Attempt, Record, State

ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
SPEC = re.compile(r"v1:[0-9a-f]{64}")
_NEWER_SPEC = re.compile(r"v[0-9]+:[!-~]+")
SHA256 = re.compile(r"[0-9a-f]{64}")
_MONEY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,40})?")
_PATH = re.compile(r"(?!.?:)[^\\\x00-\x1f\x7f-\x9f]{1,1000}")
_REASON = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,1000}")
ESCAPE = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")
_STATES = {state.value: state for state in State}
_OWN = frozenset({"spec", "parts", "state"})
_NEEDS = {State.SUBMITTED: "task", State.DONE: "sha256", State.UNSURE: "business_id"}
_LARGEST = 2**53
_YEAR_9999 = 253_370_764_800  # Unix seconds

Path = tuple[str | int, ...]
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One thing that is wrong in a lock: where, by path, and what would be right."""

    path: Path
    code: str
    message: str
    help: str


class DamageError(Exception):
    """A value is not what its field holds; `path` leads from the field to it."""

    def __init__(self, code: str, message: str, help: str, path: Path = ()) -> None:  # noqa: A002 - the diagnostics' own word
        super().__init__(message)
        self.code, self.message, self.help, self.path = code, message, help, path


def is_task_id(text: str) -> bool:
    """Say whether a text may be the id of a task: 1 to 128 of A-Z, a-z, 0-9, `.`, `_`, `:` and `-`."""
    return ID.fullmatch(text) is not None


def record_of(value: Json, path: Path, damages: list[Damage]) -> Record | None:
    """Return the record that a payload says, or `None` after telling its damages."""
    fields, extra = _fields(value, path, damages, _RECORD, _OWN)
    if fields is None:
        return None
    record = Record(**fields, extra=extra)  # type: ignore[arg-type]  # each field was converted by its own rule
    if lacking := lacks(record):
        message = f"a job that is `{record.state.value}` has no `{lacking}`"
        damages.append(Damage(path=path, code="lock-shape", message=message, help=_RESTORE))
        return None
    return record


def lacks(record: Record) -> str:
    """Return the field without which a record cannot be in its state, empty if it is there."""
    needed = _NEEDS.get(record.state)
    return needed if needed is not None and getattr(record, needed) is None else ""


def _fields(
    value: Json, path: Path, damages: list[Damage], rules: Mapping[str, Callable[[Json], object]], own: frozenset[str]
) -> tuple[dict[str, object] | None, dict[str, Json]]:
    """Return the known fields of an object, each converted by its rule, and the unknown ones as they are."""
    if not isinstance(value, dict):
        damages.append(Damage(path=path, code="lock-shape", message="this is not an object", help=_RESTORE))
        return None, {}
    known: dict[str, object] = {}
    extra: dict[str, Json] = {}
    before = len(damages)
    for name, each in value.items():
        rule = rules.get(name)
        if rule is None:
            extra[name] = each
            continue
        try:
            known["failure" if name == "error" else name] = rule(each)
        except DamageError as wrong:
            at = (*path, name, *wrong.path)
            damages.append(Damage(path=at, code=wrong.code, message=f"`{name}` {wrong.message}", help=wrong.help))
    if not own <= value.keys():
        lacking = ", ".join(f"`{name}`" for name in sorted(own - value.keys()))
        damages.append(Damage(path=path, code="lock-shape", message=f"{lacking} is missing", help=_RESTORE))
    return (known if len(damages) == before else None), extra


_RESTORE = "take the line as it was from `git show HEAD:` of this file, or run `kling-batch recover`"


def _text(pattern: re.Pattern[str], code: str, message: str) -> Callable[[Json], str]:
    matches = pattern.fullmatch

    def rule(value: Json) -> str:
        if not isinstance(value, str) or not matches(value):
            raise DamageError(code, message, _RESTORE)
        return value

    return rule


def _spec(value: Json) -> str:
    if isinstance(value, str):
        if SPEC.fullmatch(value):
            return value
        if _NEWER_SPEC.fullmatch(value) and not value.startswith("v1:"):
            raise DamageError("lock-version", "is of a newer hash scheme", "use a newer kling-batch")
    raise DamageError("lock-hash", "is not `v1:` and 64 hexadecimal digits", _RESTORE)


def _parts(value: Json) -> tuple[str, ...]:
    try:
        "".join(cast("list[str]", value if isinstance(value, list) else [None]))  # the quickest way to ask for strings
    except TypeError as error:
        raise DamageError("lock-shape", "is not a list of strings", _RESTORE) from error
    return tuple(cast("list[str]", value))


def _state(value: Json) -> State:
    state = _STATES.get(value) if isinstance(value, str) else None
    if state is None:
        raise DamageError("lock-shape", f"is not one of {', '.join(f'`{each}`' for each in _STATES)}", _RESTORE)
    return state


def _count(least: int) -> Callable[[Json], int]:
    def rule(value: Json) -> int:
        if type(value) is not int or not least <= value <= _LARGEST:
            raise DamageError("lock-number", f"is not a whole number from {least} on", _RESTORE)
        return value

    return rule


def _instant(value: Json) -> int:
    seconds = _count(0)(value)
    if seconds >= _YEAR_9999:
        raise DamageError("lock-number", "is not a time in Unix seconds", _RESTORE)
    return seconds


def _seconds(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise DamageError("lock-number", "is not a number of seconds", _RESTORE)
    return value


def _money(value: Json) -> Decimal:
    if isinstance(value, str) and _MONEY.fullmatch(value):
        return Decimal(value)
    raise DamageError("lock-money", 'is not an amount of USD as a string, such as `"0.184"`', _RESTORE)


def _flag(value: Json) -> bool:
    if isinstance(value, bool):
        return value
    raise DamageError("lock-shape", "is neither `true` nor `false`", _RESTORE)


def _output(value: Json) -> str:
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        raise DamageError("lock-path", "is not a relative path", _RESTORE)
    if ESCAPE.search(value):
        raise DamageError(
            "lock-path", "does not stay below the output root", "write it relative to the root, without `..`"
        )
    return value


def _error(value: Json) -> Failure:
    match value:
        case {"class": kind, "code": str(code), "message": str(message)} if kind in get_args(FailureClass):
            return Failure(kind=cast("FailureClass", kind), code=code, message=message)
        case _:
            raise DamageError("lock-shape", "does not hold `class`, `code` and `message`", _RESTORE)


def _attempts(value: Json) -> tuple[Attempt, ...]:
    def one(each: Json, path: Path, damages: list[Damage]) -> Attempt | None:
        fields, extra = _fields(each, path, damages, _ATTEMPT, frozenset({"attempt"}))
        return None if fields is None else Attempt(**fields, extra=extra)  # type: ignore[arg-type]  # as in `record_of`

    return _each(value, one)


def _past(value: Json) -> tuple[Record, ...]:
    records = _each(value, record_of)
    for at, record in enumerate(records):
        if record.past:
            raise DamageError("lock-shape", "is nested in itself", _RESTORE, (at, "past"))
    return records


def _each(value: Json, one: Callable[[Json, Path, list[Damage]], _Made | None]) -> tuple[_Made, ...]:
    if not isinstance(value, list):
        raise DamageError("lock-shape", "is not a list", _RESTORE)
    damages: list[Damage] = []
    made = [one(each, (at,), damages) for at, each in enumerate(value)]
    for first in damages:
        raise DamageError(first.code, f"holds a fault: {first.message}", first.help, first.path)
    return tuple(each for each in made if each is not None)


_ATTEMPT: Mapping[str, Callable[[Json], object]] = {
    "attempt": _count(1),
    "business_id": _text(ID, "lock-business-id", "is not a business id"),
    "task": _text(ID, "lock-task-id", "is not a task id (1 to 128 of A-Z, a-z, 0-9, `.`, `_`, `:`, `-`)"),
    "spent": _money,
    "error": _error,
}
_RECORD: Mapping[str, Callable[[Json], object]] = {
    **_ATTEMPT,
    "spec": _spec,
    "parts": _parts,
    "state": _state,
    "generation": _count(1),
    "output": _output,
    "sha256": _text(SHA256, "lock-hash", "is not a sha256 (64 hexadecimal digits)"),
    "bytes": _count(0),
    "seconds": _seconds,
    "charged": _flag,
    "pruned": _flag,
    "expires": _instant,
    "warnings": _parts,
    "reason": _text(_REASON, "lock-shape", "is not one line of at most 1000 characters"),
    "attempts": _attempts,
    "past": _past,
    "also": _attempts,
}
