"""What two sides together know of a job, after a merge or a lost checkpoint; no task of either is lost.

The sides agree on everything but which of two equals comes first: that is ours. Records of one draw (spec and
generation) are joined field by field; of two draws, the one that the other side calls past is past.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from kling_batch.job import SpecHash, TaskId
from kling_batch.plan.record import Attempt, Record, State, as_attempt

_RANK = {state: rank for rank, state in enumerate(
    (State.PENDING, State.UNSURE, State.SUBMITTED, State.LOST, State.FAILED, State.DONE)
)}  # fmt: skip
_PRESENT = {state: rank for rank, state in enumerate(
    (State.PENDING, State.FAILED, State.LOST, State.DONE, State.UNSURE, State.SUBMITTED)
)}  # fmt: skip


def join(ours: Record | None, theirs: Record | None) -> Record | None:
    """Return what both sides together know of a key; no task of either is lost (reliability b9)."""
    if ours is None or theirs is None:
        return ours or theirs
    if ours.is_blank or theirs.is_blank:
        known, other = (theirs, ours) if ours.is_blank and not theirs.is_blank else (ours, theirs)
        return replace(known, extra={**other.extra, **known.extra})
    present = _present(ours, theirs)
    theirs_is_later = present != ours.draw or (present == theirs.draw and _knows(theirs) > _knows(ours))
    lies = {each.draw: each.output for each in _draws(theirs if theirs_is_later else ours)}
    draws = {each.draw: each for each in _draws(ours)}
    for each in _draws(theirs):
        there = draws.get(each.draw)
        both = each if there is None else _one_draw(there, each)
        draws[each.draw] = replace(both, output=lies.get(each.draw, both.output))
    main = draws.pop(present)
    return replace(main, past=tuple(draws.values()), extra={**theirs.extra, **ours.extra})


def tasks(record: Record) -> tuple[TaskId, ...]:
    """Return every task that a record knows, each once."""
    if not (record.attempts or record.also or record.past):
        return () if record.task is None else (record.task,)
    own = (record.task, *(each.task for each in (*record.attempts, *record.also)))
    told = [task for task in own if task is not None]
    for each in record.past:
        told.extend(tasks(each))
    return tuple(dict.fromkeys(told))


def _draws(record: Record) -> tuple[Record, ...]:
    return (*record.past, replace(record, past=()))


def _present(ours: Record, theirs: Record) -> tuple[SpecHash, int]:
    """Return which draw is the job's present one.

    Where neither side calls the other's past, a task that is still running may not hide behind a finished video.
    """
    ours_is_past = ours.draw in {each.draw for each in theirs.past}
    theirs_is_past = theirs.draw in {each.draw for each in ours.past}
    if ours_is_past != theirs_is_past:
        return theirs.draw if ours_is_past else ours.draw
    if ours.spec == theirs.spec:
        return max(ours.draw, theirs.draw)
    return theirs.draw if _PRESENT[theirs.state] > _PRESENT[ours.state] else ours.draw


def _one_draw(ours: Record, theirs: Record) -> Record:
    """Join two records of one draw: done wins, else the later attempt, else who knows more, else ours."""
    main, other = (theirs, ours) if _knows(theirs) > _knows(ours) else (ours, theirs)
    second = other.task is not None and other.task != main.task and other.attempt == main.attempt
    earlier = other.attempt != main.attempt and other.state is not State.PENDING
    attempts = _union((*main.attempts, *other.attempts, *((as_attempt(other),) if earlier else ())))
    also = _union((*main.also, *other.also, *((as_attempt(other),) if second else ())))
    here = {main.task} | {each.task for each in attempts if each.task}
    return replace(
        main,
        business_id=main.business_id or other.business_id,
        spent=_spent(main, other),
        reason=main.reason or other.reason,
        attempts=tuple(sorted((each for each in attempts if each.task is None or each.task != main.task), key=_number)),
        also=tuple(each for each in also if each.task not in here),
        extra={**other.extra, **main.extra},
    )


def _knows(record: Record) -> tuple[bool, int, bool, int]:
    return record.state is State.DONE, record.attempt, record.task is not None, _RANK[record.state]


def _spent(main: Record, other: Record) -> Decimal | None:
    """Return what the main purchase cost; where both sides know it equally well, the dearer word counts."""
    if other.attempt != main.attempt or other.task not in {None, main.task} or other.spent is None:
        return main.spent
    if main.spent is None:
        return other.spent
    return max(main.spent, other.spent) if other.state is main.state else main.spent


def _number(attempt: Attempt) -> int:
    return attempt.attempt


def _union(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """Return each attempt once: by its task, or by its number where nobody knows one."""
    every = tuple(attempts)
    found = {each.attempt for each in every if each.task}
    told: dict[TaskId | int, Attempt] = {}
    for each in every:
        if each.task or each.attempt not in found:
            told.setdefault(each.task or each.attempt, each)
    return tuple(told.values())
