"""The records of a lock as we write them: one pattern a record, where JSON and a check of every field cost five times.

What the pattern takes, `decode` takes too and reads the same; a line that is out of the ordinary goes to `decode`, and
whatever is damaged or written by another hand sends the whole lock there, where it is told.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from kling_batch.job import BusinessId, Json, Key, SpecHash, TaskId
from kling_batch.plan.decode import ESCAPE, ID, SHA256, SPEC, Damage, lacks, record_of
from kling_batch.plan.record import Record, State

_PLAIN = r'[^"\\\x00-\x1f\x7f-\x9f]'  # what stands in a JSON string as it is
_PART = rf'"({_PLAIN}*)"'
_COUNT = "[1-9][0-9]{0,14}"
_NATURAL = "(?:0|[1-9][0-9]{0,10})"
_RECORD = re.compile(
    rf'"({_PLAIN}+)":\n '
    rf'\{{"spec":"({SPEC.pattern})","parts":\[{_PART},{_PART},{_PART},{_PART}\]'
    rf'(?:,"generation":({_COUNT}),"attempt":({_COUNT}))?'
    rf'(?:,"business_id":"({ID.pattern})")?'
    rf'(?:,"task":"({ID.pattern})")?'
    r',"state":"([a-z]+)"'
    rf'(?:,"output":"(?!.?:)({_PLAIN}{{1,1000}})")?'
    rf'(?:,"sha256":"({SHA256.pattern})")?'
    rf'(?:,"bytes":({_NATURAL}))?'
    rf'(?:,"seconds":({_NATURAL}(?:\.[0-9]{{1,17}})?))?'
    r'(?:,"spent":"([0-9]{1,12}(?:\.[0-9]{1,40})?)")?'
    rf'(?:,"expires":({_NATURAL}))?'
    r"\}\n(,\n)?"
)
_OTHER = re.compile(r'("(?:[^"\\\n]|\\.)+"):\n (\{.*\})\n(,\n)?')
_STATES = {state.value: state for state in State}
_TAIL = "}}\n"

Load = Callable[[str], Json]


def records(text: str, at: int, load: Load) -> dict[Key, Record] | None:
    """Return the records of a lock's text from `at` on, its end, or `None` where `decode` has to look at all of it.

    `load` reads one JSON value; a `ValueError` or `RecursionError` of its is a damage like any other.
    """
    jobs: dict[Key, Record] = {}
    comma: str | None = None
    count, end = 0, len(text) - len(_TAIL)
    while at < end:
        found = _RECORD.match(text, at)
        if found is not None:
            fields: tuple[Any, ...] = found.groups()  # each as its part of the pattern says
            key, record, comma = _record(*fields)
        else:
            found = _OTHER.match(text, at)
            key, record = _other(found, load) if found else (Key(""), None)
            comma = found and found[3]
        if found is None or record is None or not (comma or found.end() == end):
            return None
        jobs[key] = record
        count, at = count + 1, found.end()
    whole = at == end and not comma and text.endswith(_TAIL)
    return jobs if whole and len(jobs) == count else None


def _record(  # noqa: PLR0913, PLR0917 - the groups of the pattern, in their order
    key: Key,
    spec: SpecHash,
    prompt: str,
    negative: str,
    parameters: str,
    assets: str,
    generation: str | None,
    attempt: str | None,
    business_id: BusinessId | None,
    task: TaskId | None,
    state: str,
    output: str | None,
    sha256: str | None,
    size: str | None,
    seconds: str | None,
    spent: str | None,
    expires: str | None,
    comma: str | None,
) -> tuple[Key, Record | None, str | None]:
    if state not in _STATES or (output is not None and ESCAPE.search(output)):
        return key, None, comma
    record = Record(
        spec=spec,
        parts=(prompt, negative, parameters, assets),
        state=_STATES[state],
        generation=int(generation or 1),
        attempt=int(attempt or 1),
        business_id=business_id,
        task=task,
        output=output,
        sha256=sha256,
        bytes=None if size is None else int(size),
        seconds=None if seconds is None else _number(seconds),
        spent=None if spent is None else _money(spent),
        expires=None if expires is None else int(expires),
    )
    return key, None if lacks(record) else record, comma


_money = lru_cache(maxsize=256)(Decimal)  # a campaign has few prices and many jobs


@lru_cache(maxsize=256)
def _number(text: str) -> float:
    return float(text) if "." in text else int(text)


def _other(found: re.Match[str], load: Load) -> tuple[Key, Record | None]:
    """Return what a line says that is written by us and not ordinary, such as a failure or a past generation."""
    damages: list[Damage] = []
    try:
        key, value = load(found[1]), load(found[2])
    except (ValueError, RecursionError):
        return Key(""), None
    record = record_of(value, (), damages)
    is_key = isinstance(key, str) and re.search(r"[\x00-\x1f\x7f-\x9f]", key) is None
    return Key(str(key)), record if is_key and not damages else None
