"""A lock that git has left in conflict, read as the two sides it holds, and joined by key.

Git leaves `<<<<<<<`, ours, `=======`, theirs, `>>>>>>>`, and with `merge.conflictStyle=diff3` the base after `|||||||`.
A side that is read through its hunks need not be JSON any more, but its records still are: a key line, and a payload
line after it.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from kling_batch.job import Json, Key
from kling_batch.plan.complaint import WHOLE, complaint
from kling_batch.plan.decode import Damage, record_of
from kling_batch.plan.encode import encode
from kling_batch.plan.lockfile import Lock, belongs, parse
from kling_batch.plan.merge import Doubled, Undecided, merge
from kling_batch.plan.record import Record
from kling_batch.text.diagnostic import Diagnostic, Severity
from kling_batch.text.source import Source
from kling_batch.text.uncollected import uncollected

_MARK = re.compile(r"(<{7}|\|{7}|={7}|>{7})(?: .*)?")
_BEGINS = re.compile(r"^<{7}(?:[ \r]|$)", re.MULTILINE)
_BETWEEN = frozenset({"", ",", "}}"})
_TURNS = {  # what a mark does: where it may stand, and whose lines follow
    "<": (("both",), "ours"),
    "|": (("ours",), "base"),
    "=": (("ours", "base"), "theirs"),
    ">": (("theirs",), "both"),
}


@dataclass(slots=True, kw_only=True)
class _Sides:
    """The lines of the sides of a conflict; `knows_base` as long as every hunk has told its base."""

    ours: list[str] = field(default_factory=list)
    theirs: list[str] = field(default_factory=list)
    base: list[str] = field(default_factory=list)
    knows_base: bool = True


def first_mark(text: str) -> tuple[int, int] | None:
    """Return start and end of the first mark of a conflict that git has left in a lock, if there is one."""
    found = _BEGINS.search(text) if "<<<<<<<" in text else None  # looking for line starts first costs ten times
    return found.span() if found else None


def heal(source: Source, wanted: Collection[Key] = frozenset()) -> tuple[Lock | None, tuple[Diagnostic, ...]]:
    """Return the lock that both sides of a conflict together make, and warnings of what was put together.

    `wanted` are the keys of the manifest, where it is known. Where a job cannot be decided the lock is `None` and every
    such key is named; where a side cannot be read at all, that is told.
    """
    sides = _split(source.text)
    if sides is None:
        why = "the marks of a conflict are not in git's order here"
        return None, (complaint(source, "lock-conflict", why, WHOLE, first_mark(source.text) or (0, 0)),)
    undecided: list[Undecided] = []
    with uncollected():
        ours, theirs = _lock(sides.ours, undecided), _lock(sides.theirs, undecided)
    if ours is None or theirs is None:
        why = (
            "the sides of this conflict are not as kling-batch writes a lock: a record is a key line and a payload line"
        )
        return None, (complaint(source, "lock-conflict", why, WHOLE, first_mark(source.text) or (0, 0)),)
    if foreign := belongs(theirs, ours.project, ours.service, place=source.name):
        return None, foreign
    merged = merge(_lock(sides.base, []) if sides.knows_base else None, ours, theirs, wanted)
    undecided += merged.undecided
    if undecided:
        return None, tuple(_contested(source, each) for each in undecided)
    return merged.lock, (_healed(source), *(doubling(source.name, each) for each in merged.doubled))


def doubling(place: str, doubled: Doubled) -> Diagnostic:
    """Return the warning that one job was paid for on both sides of a merge."""
    cost = "nobody knows for how much" if doubled.usd is None else f"for ${doubled.usd:f}"
    return Diagnostic(
        code="paid-twice",
        message=f"`{doubled.key}` was bought on both sides: task `{doubled.task}` is the second one, {cost}",
        place=place,
        help="it is kept under `also` and counts as spent; to buy once, merge before you run",
        severity=Severity.WARNING,
    )


def _split(text: str) -> _Sides | None:
    """Return the sides of a text with marks of a conflict, or `None` where the marks make no sense."""
    sides, side = _Sides(), "both"
    for line in text.replace("\r\n", "\n").split("\n"):
        mark = _MARK.fullmatch(line)
        if mark is None:
            _keep(sides, side, line)
            continue
        after, follows = _TURNS[line[0]]
        if side not in after:
            return None
        sides.knows_base = sides.knows_base and (line[0] != "=" or side == "base")
        side = follows
    return sides if side == "both" else None


def _keep(sides: _Sides, side: str, line: str) -> None:
    for name, lines in (("ours", sides.ours), ("base", sides.base), ("theirs", sides.theirs)):
        if side in {"both", name}:
            lines.append(line)


def _lock(lines: Sequence[str], undecided: list[Undecided]) -> Lock | None:
    """Return the lock whose lines these are, after telling the keys whose records cannot be read."""
    head, _ = parse(Source("", f"{lines[0]}\n}}}}\n"))
    if head is None:
        return None
    jobs: dict[Key, Record] = {}
    for name, payload in _records(lines[1:]):
        if name is None:
            return None
        key, damages = Key(name), list[Damage]()
        record = record_of(_value(payload), ("jobs", name), damages)
        if record is None or key in jobs:
            why = damages[0].message if damages else "it is twice on one side"
            undecided.append(Undecided(key=key, why=why))
        else:
            jobs[key] = record
    return replace(head, jobs=jobs)


def _records(lines: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    """Yield the key and the payload of each record; a key of `None` for a line that belongs to no record."""
    rest = iter(lines)
    for line in rest:
        name = _value(line.removesuffix(":")) if line.startswith('"') else None
        if isinstance(name, str):
            yield name, next(rest, "")
        elif line not in _BETWEEN:
            yield None, line


def _value(text: str) -> Json:
    try:
        return cast("Json", json.loads(text))
    except (ValueError, RecursionError):
        return None


def _contested(source: Source, undecided: Undecided) -> Diagnostic:
    name = encode(undecided.key)
    at = max(source.text.find(f"\n{name}:") + 1, 0)
    message = f"the two sides of this merge cannot be put together for `{undecided.key}`: {undecided.why}"
    repair = "keep the right one of its records by hand, and run `kling-batch lock fmt`"
    return complaint(source, "lock-conflict", message, repair, (at, at + len(name)))


def _healed(source: Source) -> Diagnostic:
    return Diagnostic(
        code="lock-healed",
        message="git left this lock in conflict; what both sides know was put together by key",
        place=source.name,
        help="`kling-batch lock fmt` writes it down; `kling-batch lock install` makes git do this by itself",
        severity=Severity.WARNING,
    )
