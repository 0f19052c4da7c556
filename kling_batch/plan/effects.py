"""How facts change a record: what an engine found out, and what a person decided by hand.

The same fact twice in a row changes nothing more, so that a journal may be read over a lock that knows its end already.
"""

from dataclasses import replace
from decimal import Decimal
from typing import assert_never

from kling_batch import events
from kling_batch.events import Fact
from kling_batch.job import TaskId
from kling_batch.plan.edits import edited
from kling_batch.plan.record import Attempt, Record, State, as_attempt


def apply(record: Record | None, fact: Fact) -> Record:
    """Return one key's record after a fact about it; the only place that knows what a fact means for the lock.

    The same fact twice in a row changes nothing more. For `Moved` the record is the one that the origin had. Raises
    `ValueError` for a fact that tells of a job before anything opened it.
    """
    match fact:
        case events.Opened():
            return _opened(record, fact)
        case events.Intended():
            return _intended(record, fact)
        case events.LookUpJudged() | events.Forgotten():
            raise AssertionError("such a fact leaves no record of a job")
        case events.Redrawn() | events.Accepted() | events.Pruned():
            return edited(record, fact)
        case _ if record is None:
            raise ValueError(f"`{fact.key}` has no record that `{type(fact).__name__.lower()}` could be about")
        case events.Moved():
            return replace(_moved(record, fact.output), reason=fact.why or record.reason)
        case events.Cleared() | events.Doubted():
            return _settled(record, fact)
        case _:
            return _answered(record, fact)


def _moved(record: Record, output: str) -> Record:
    """Return the record with its place changed; what lies there may still be the video of the generation before."""
    lies = (State.DONE, record.output)
    past = tuple(replace(each, output=output) if (each.state, each.output) == lies else each for each in record.past)
    return replace(record, output=output, past=past)


def _settled(record: Record, fact: events.Cleared | events.Doubted) -> Record:
    """Return the record after a word about its intent; once there is a task, such a word comes too late."""
    if record.task is not None:
        return record
    match fact, record.state:
        case events.Cleared(), State.UNSURE:
            return replace(record, state=State.PENDING, spent=None)
        case events.Doubted(), State.PENDING:
            return replace(record, state=State.UNSURE)
        case _:
            return record


def _answered(
    record: Record,
    fact: events.Submitted | events.Completed | events.Done | events.Failed | events.Lost | events.Restored,
) -> Record:
    """Return the record after what became of its task, or of its video."""
    match fact:
        case events.Submitted():
            return _submitted(record, fact.task)
        case events.Completed():
            return _completed(record, fact)
        case events.Done():
            return _done(record, fact)
        case events.Failed():
            return _failed(record, fact)
        case events.Lost():
            return replace(record, state=State.LOST)
        case events.Restored():
            return _restored(record, fact)
        case _:
            assert_never(fact)


def _opened(record: Record | None, fact: events.Opened) -> Record:
    blank = Record(spec=fact.spec, parts=fact.parts, output=fact.output)
    if record is None:
        return blank
    if record.state is not State.PENDING or record.attempts or record.also:
        return record
    if record.spec == fact.spec:
        return replace(record, output=fact.output)
    return replace(blank, past=record.past, extra=record.extra)


def _intended(record: Record | None, fact: events.Intended) -> Record:
    fresh = Record(
        spec=fact.spec,
        parts=fact.parts,
        state=State.UNSURE,
        generation=fact.generation,
        attempt=fact.attempt,
        business_id=fact.business_id,
        output=fact.output,
        spent=_money(fact.usd),
        reason=record.reason if record and record.draw == (fact.spec, fact.generation) else "",
    )
    if record is None:
        return fresh
    if record.draw != fresh.draw:
        return replace(fresh, past=_superseded(record), extra=record.extra)
    kept = replace(fresh, attempts=record.attempts, past=record.past, also=record.also, extra=record.extra)
    if record.attempt != fact.attempt:
        return replace(kept, attempts=(*record.attempts, *_earlier(record)))
    return replace(kept, also=(*record.also, as_attempt(record))) if record.task else kept


def _earlier(record: Record) -> tuple[Attempt, ...]:
    """Return the main attempt as one of the earlier ones, unless nothing came of it and nothing can."""
    return () if record.state is State.PENDING else (as_attempt(record),)


def _superseded(record: Record) -> tuple[Record, ...]:
    """Return the past of the generation that comes after a record: its own, and itself if it may have cost anything."""
    bare = replace(record, past=(), extra={})
    worthless = record.task is None and record.state in {State.PENDING, State.FAILED} and not record.spent
    return record.past if worthless and not (record.attempts or record.also) else (*record.past, bare)


def _submitted(record: Record, task: TaskId) -> Record:
    if record.task == task:
        return record
    also = tuple(each for each in record.also if each.task != task)
    if record.task is None:
        return replace(record, state=State.SUBMITTED, task=task, failure=None, also=also)
    if record.state is State.DONE:
        second = Attempt(attempt=record.attempt, business_id=record.business_id, task=task)
        return replace(record, also=(*also, second))
    fresh = replace(record, state=State.SUBMITTED, task=task, failure=None, charged=False, expires=None)
    return replace(fresh, also=(*also, as_attempt(record)))


def _completed(record: Record, fact: events.Completed) -> Record:
    usd = _money(fact.usd)
    if record.task not in {None, fact.task}:
        told = tuple(
            replace(each, spent=usd) if each.task == fact.task and usd is not None else each for each in record.also
        )
        return replace(record, also=told)
    spent = record.spent if usd is None else usd
    if record.state is State.DONE:
        return replace(record, spent=spent)
    return replace(
        record, state=State.SUBMITTED, task=fact.task, expires=fact.expires, spent=spent, failure=None, charged=False
    )


def _done(record: Record, fact: events.Done) -> Record:
    return replace(
        record,
        state=State.DONE,
        output=fact.output,
        sha256=fact.sha256,
        bytes=fact.bytes,
        seconds=fact.seconds,
        warnings=fact.warnings,
        expires=None,
        failure=None,
        charged=False,
        past=_shelved(record.past, fact.output, fact.kept),
    )


def _failed(record: Record, fact: events.Failed) -> Record:
    """Return the record after its attempt's end; one that never had a task was refused, and cost nothing."""
    usd = _money(fact.usd)
    silent = record.spent if record.task else Decimal(0)
    return replace(
        record,
        state=State.FAILED,
        failure=fact.failure,
        spent=silent if usd is None else usd,
        charged=bool(usd),
        expires=None,
    )


def _restored(record: Record, fact: events.Restored) -> Record:
    if record.state is State.DONE and record.spec == fact.spec:
        return record
    found = next((each for each in reversed(record.past) if each.spec == fact.spec and each.state is State.DONE), None)
    if found is None:
        raise ValueError(f"`{fact.key}` has no earlier generation with the spec `{fact.spec}`")
    others = tuple(each for each in _superseded(record) if each is not found)
    return replace(
        found, output=fact.output, past=_shelved(others, fact.output, fact.kept), extra={**found.extra, **record.extra}
    )


def _shelved(past: tuple[Record, ...], output: str, kept: str) -> tuple[Record, ...]:
    """Tell the generation whose file lay at `output` where it lies now; without a new place its file was not there."""
    for at in reversed(range(len(past))):
        if past[at].state is State.DONE:
            if not kept and past[at].output != output:
                break
            return (*past[:at], replace(past[at], output=kept or None), *past[at + 1 :])
    return past


def _money(usd: Decimal | None) -> Decimal | None:
    """Return an amount that a budget can trust: what is negative or no number was not told."""
    return usd if usd is not None and usd.is_finite() and usd >= 0 else None
