"""The lock: block-JSON in git, byte-stable, one key line and one payload line a job (design section 6)."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from kling_batch.events import Fact, Forgotten, LookUpJudged, Moved
from kling_batch.job import Json, Key, TaskId
from kling_batch.plan import written
from kling_batch.plan.complaint import WHOLE, DoubledKeyError, complaint, located, unreadable
from kling_batch.plan.decode import Damage, record_of
from kling_batch.plan.effects import apply
from kling_batch.plan.encode import encode, payload
from kling_batch.plan.join import join, tasks
from kling_batch.plan.record import Record
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source
from kling_batch.text.uncollected import uncollected

VERSION = 1
LIMIT = 200_000_000
"""The longest lock that is read, in code points (and for who reads the file, in bytes)."""

_JOBS = ',"jobs":{\n'
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Everything the lock file says. `look_up` is the model on which look-up by business id is proven, if it is."""

    project: str
    service: str
    jobs: Mapping[Key, Record]
    look_up: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)


class Writer:
    """Writes a lock again and again, and encodes only the records that have changed since the last time."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[Record, str]] = {}

    def text(self, lock: Lock) -> str:
        """Return the lock's one text: the same lock gives the same bytes."""
        head: dict[str, Json] = {"version": VERSION, "project": lock.project, "service": lock.service}
        if lock.look_up is not None:
            head["look_up"] = {"model": lock.look_up}
        opening = encode(head | dict(lock.extra))[:-1] + _JOBS
        return opening + ",\n".join(self._lines(key, lock.jobs[key]) for key in sorted(lock.jobs)) + "}}\n"

    def _lines(self, key: Key, record: Record) -> str:
        kept = self._kept.get(key)
        if kept is not None and kept[0] is record:
            return kept[1]
        lines = f"{encode(key)}:\n {encode(payload(record))}\n"
        self._kept[key] = record, lines
        return lines


def format(lock: Lock) -> str:  # noqa: A001 - the verb that people know from other tools
    """Return the lock's one text: the same lock gives the same bytes, and `parse(format(lock)) == lock`."""
    return Writer().text(lock)


def fold(lock: Lock, facts: Iterable[Fact]) -> Lock:
    """Return the lock after facts, in their order. Raises `ValueError` for one about a job that nothing opened."""
    jobs = dict(lock.jobs)
    look_up = lock.look_up
    for fact in facts:
        if isinstance(fact, LookUpJudged):
            look_up = fact.model if fact.proven else None
        else:
            absorb(jobs, fact)
    return replace(lock, jobs=jobs, look_up=look_up)


def absorb(jobs: dict[Key, Record], fact: Fact) -> None:
    """Change a table of records by one fact about a job, in place."""
    match fact:
        case LookUpJudged():
            return
        case Moved(origin=origin, key=key) if origin != key and origin in jobs:
            moved, there = apply(jobs.pop(origin), fact), jobs.get(key)
            jobs[key] = moved if there is None or there.is_blank else join(moved, there) or moved
        case Forgotten(key=key):
            jobs.pop(key, None)
        case _:
            jobs[fact.key] = apply(jobs.get(fact.key), fact)


def belongs(lock: Lock, project: str, service: str, *, place: str = "") -> tuple[Diagnostic, ...]:
    """Return why a lock is not that of this project on this service; `place` is its path, as people know it."""
    complaints = []
    for name, has, wants in (("project", lock.project, project), ("service", lock.service, service)):
        if has != wants:
            complaints.append(
                Diagnostic(
                    code=f"lock-{name}",
                    message=f"this lock belongs to the {name} `{has}`, not to `{wants}`",
                    place=place,
                    help=f"set the {name} back, or give the manifest another name: a lock is one campaign's",
                )
            )
    return tuple(complaints)


def parse(source: Source) -> tuple[Lock | None, tuple[Diagnostic, ...]]:
    """Return the lock, or what is damaged in it: empty, truncated, newer, conflict marks, escaping paths, bad ids."""
    text = source.text.removeprefix("\ufeff")
    if len(text) > LIMIT:
        return None, (complaint(source, "lock-size", "this lock is longer than 200 MB", WHOLE),)
    damages: list[Damage] = []
    with uncollected():
        if (ours := _as_written(text)) is not None:
            return ours, ()
        try:
            value = _load(text)
        except (ValueError, RecursionError) as error:
            return None, unreadable(source, error)
        lock = _lock(value, damages)
    if damages:
        return None, tuple(located(source, each) for each in damages[:100])
    return lock, ()


def _as_written(text: str) -> Lock | None:
    """Return the lock of a text that is as we write it and undamaged, at a third of what reading any lock costs."""
    opening = text[: text.find("\n") + 1]
    if not opening.endswith(_JOBS):
        return None
    damages: list[Damage] = []
    try:
        head = _head(_load(f"{opening}}}}}"), damages)
    except (ValueError, RecursionError):
        return None
    jobs = written.records(text, len(opening), _load) if head is not None and not head.jobs else None
    if head is None or jobs is None:
        return None
    owners: dict[TaskId, Key] = {}
    for key, record in jobs.items():
        _own(record, key, owners, damages)
    if damages:
        return None
    return Lock(project=head.project, service=head.service, jobs=jobs, look_up=head.look_up, extra=head.extra)


def _load(text: str) -> Json:
    loaded: Json = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    return loaded


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DoubledKeyError
    return made


def _no_number(name: str) -> Json:
    raise ValueError(f"`{name}` is not a number in JSON")


def _lock(value: Json, damages: list[Damage]) -> Lock | None:
    """Return the lock that a JSON value says, unless it tells damages."""
    head = _head(value, damages)
    if head is None:
        return None
    jobs: dict[Key, Record] = {}
    owners: dict[TaskId, Key] = {}
    for name, each in head.jobs.items():
        record = record_of(each, ("jobs", name), damages)
        if not name or _UNPRINTABLE.search(name):
            damages.append(
                Damage(
                    path=("jobs", name), code="lock-key", message="this is no key of a job", help="take the record out"
                )
            )
        if record is not None:
            jobs[Key(name)] = record
            _own(record, Key(name), owners, damages)
    return Lock(project=head.project, service=head.service, jobs=jobs, look_up=head.look_up, extra=head.extra)


def _own(record: Record, key: Key, owners: dict[TaskId, Key], damages: list[Damage]) -> None:
    """Note whose each task is: one task on two jobs is one payment for two videos, and never right."""
    for task in tasks(record):
        owner = owners.setdefault(task, key)
        if owner != key:
            message = f"task `{task}` is already that of `{owner}`"
            repair = "ask the service which prompt the task has, and take it out of the other record"
            damages.append(Damage(path=("jobs", key), code="lock-shared-task", message=message, help=repair))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    project: str
    service: str
    jobs: dict[str, Json]
    look_up: str | None
    extra: dict[str, Json]


def _head(value: Json, damages: list[Damage]) -> _Head | None:
    match value:
        case {"version": int(version)} if version > VERSION:
            message = f"this lock has version {version}, this kling-batch knows {VERSION}"
            damages.append(
                Damage(
                    path=("version",),
                    code="lock-version",
                    message=message,
                    help="use the newer kling-batch that wrote it",
                )
            )
        case {"version": 1, "project": str(project), "service": str(service), "jobs": dict(jobs), **head}:
            extra = {str(name): cast("Json", each) for name, each in head.items() if name != "look_up"}
            match head.get("look_up"):
                case None:
                    return _Head(project=project, service=service, jobs=jobs, look_up=None, extra=extra)
                case {"model": str(model)}:
                    return _Head(project=project, service=service, jobs=jobs, look_up=model, extra=extra)
            damages.append(
                Damage(
                    path=("look_up",), code="lock-shape", message='`look_up` is not `{"model":...}`', help="take it out"
                )
            )
        case _:
            message = "a lock is an object with `version`, `project`, `service` and `jobs`"
            damages.append(Damage(path=(), code="lock-shape", message=message, help=WHOLE))
    return None
