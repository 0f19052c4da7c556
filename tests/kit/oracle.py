"""What has to be true after every run, whatever has happened in it (reliability, section (e), I1 to I8)."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from stormy import Stormy, hashes

from kling_batch.job import BusinessId
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import Attempt, Record, State
from kling_batch.sandbox.task import Task


class BrokenPromise(AssertionError):  # noqa: N818 - what it says
    """Something that we promise is not true."""


def hold(*promises: tuple[bool, str]) -> None:
    """Raise `BrokenPromise` with all that does not hold."""
    broken = [words for holds, words in promises if not holds]
    if broken:
        raise BrokenPromise("; ".join(broken))


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What a lock knows of one attempt to buy."""

    draw: tuple[object, ...]
    business_id: BusinessId | None
    task: str | None
    may_have_bought: bool


def purchases(lock: Lock) -> Iterator[Purchase]:
    """Give every attempt that a lock knows, of every generation."""
    for key, record in lock.jobs.items():
        for each in (record, *record.past):
            yield _purchase(key, each, each, may=each.state is not State.PENDING)
            for attempt in (*each.attempts, *each.also):
                yield _purchase(key, each, attempt, may=True)


def _purchase(key: str, record: Record, each: Record | Attempt, *, may: bool) -> Purchase:
    return Purchase(draw=(key, record.draw), business_id=each.business_id, task=each.task, may_have_bought=may)


def money(lock: Lock, service: Stormy, budget: Decimal | None) -> None:
    """Hold that nothing was paid twice, nothing paid is forgotten, and no more was spent than allowed."""
    tasks = list(service.world._tasks.values())
    times = Counter(str(task.business_id) for task in tasks)
    twice = [own for own, count in times.items() if count > 1]
    known = list(purchases(lock))
    hold(
        (not twice, f"paid twice under one business id: {twice}"),
        (not service.wrong, "; ".join(service.wrong[:3])),
        *((_is_known(task, known), f"forgotten: {task.id} of {task.business_id}") for task in tasks),
    )
    draw_of = {each.business_id: each.draw for each in known if each.business_id}
    videos = Counter(draw_of[task.business_id] for task in tasks if not task.fate.fails)  # type: ignore[index]  # known by now
    hold(*((count == 1, f"bought {count} videos for {draw}") for draw, count in videos.items()))
    if budget is not None:
        used = service.world._used(service.epoch)
        hold((used <= budget, f"spent ${used} of a budget of ${budget}"))


def _is_known(task: Task, known: list[Purchase]) -> bool:
    return any(
        each.task == task.id or (each.task is None and each.may_have_bought)
        for each in known
        if each.business_id == task.business_id
    )


def files(lock: Lock, service: Stormy, outputs: Path, *, is_foreign: Callable[[Path], bool], is_settled: bool) -> None:
    """Hold that each final file is a whole video of a task of ours, and each record's file is what it says.

    Unless `is_settled` a file may have been moved already, and the record not know it yet.
    """
    served = {sha256: task.id for task in service.world._tasks.values() for sha256 in hashes(task)}
    here: set[str] = set()
    for path in outputs.rglob("*.mp4") if outputs.exists() else ():
        if is_foreign(path):
            continue
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        here.add(sha256)
        hold((sha256 in served, f"{path.name} is not what the service serves"))
    for key, record in lock.jobs.items():
        for each in (record, *record.past):
            if each.state is State.DONE and each.output and each.sha256:
                hold((served.get(each.sha256) == each.task, f"{key} holds the video of another task"))
                path = outputs / each.output
                lies = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "nothing"
                stands = lies == each.sha256 or (not is_settled and each.sha256 in here)
                hold((stands, f"{key} says {each.output} is {each.sha256[:6]}, there lies {lies[:7]}"))
