"""How what a person decides changes a record: another draw asked for, a video accepted, a superseded file thrown away.

None of it forgets what was paid for: what had a place in the record goes to its `past`.
"""

from dataclasses import replace
from typing import assert_never

from kling_batch.events import Accepted, Edit, Pruned, Redrawn
from kling_batch.plan.record import Record, State


def edited(record: Record | None, fact: Edit) -> Record:
    """Return one key's record after a decision; a draw that the record has had already is not had again.

    Raises `ValueError` for a decision about what is not in the lock, where it needs something that is.
    """
    match fact:
        case Redrawn():
            return _redrawn(record, fact)
        case _ if record is None:
            raise ValueError(f"`{fact.key}` has no record that `{type(fact).__name__.lower()}` could be about")
        case Accepted():
            return _accepted(record, fact)
        case Pruned():
            is_own = record.state is State.DONE and record.sha256 == fact.sha256
            past = tuple(_without_file(each, fact.sha256) for each in record.past)
            return replace(record, pruned=record.pruned or is_own, past=past)
        case _:
            assert_never(fact)


def _redrawn(record: Record | None, fact: Redrawn) -> Record:
    fresh = Record(
        spec=fact.spec,
        parts=fact.parts,
        state=State.SUBMITTED if fact.task else State.PENDING,
        generation=fact.generation,
        task=fact.task,
        output=fact.output,
        spent=fact.usd,
        reason=fact.why,
    )
    if record is None:
        return fresh
    is_waiting = record.state is State.PENDING and not (record.attempts or record.also)
    draws = {each.draw for each in record.past} | (set() if is_waiting else {record.draw})
    if fresh.draw in draws:
        return record
    past = record.past if is_waiting else (*record.past, replace(record, past=(), extra={}))
    return replace(fresh, past=past, extra=record.extra)


def _accepted(record: Record, fact: Accepted) -> Record:
    draw = (fact.spec, fact.generation)
    if record.state is not State.DONE or draw in {each.draw for each in (record, *record.past)}:
        return record
    return replace(record, spec=fact.spec, parts=fact.parts, generation=fact.generation, reason=fact.why)


def _without_file(record: Record, sha256: str) -> Record:
    return replace(record, output=None) if record.sha256 == sha256 else record
