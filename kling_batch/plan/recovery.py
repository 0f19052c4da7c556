"""A lock and the facts of a journal put together, where nobody knows how many of the facts are in the lock already."""

from dataclasses import replace

from kling_batch.events import Fact, Intended, LookUpJudged, Moved, Opened
from kling_batch.job import Key
from kling_batch.plan.join import join
from kling_batch.plan.lockfile import Lock, absorb, fold
from kling_batch.plan.record import Record


def joined(lock: Lock, facts: tuple[Fact, ...]) -> Lock:
    """Join a lock with facts of which nobody knows how many are in it already."""
    if not facts:
        return lock
    ours, theirs = dict(lock.jobs), dict[Key, Record]()
    for fact in facts:
        match fact:
            case LookUpJudged():
                continue
            case Moved(origin=origin, key=key) if origin != key:
                _follow(ours, theirs, origin, key)
            case Opened() | Intended():
                pass
            case _ if fact.key in ours:
                theirs.setdefault(fact.key, ours[fact.key])
        absorb(theirs, fact)
    judged = fold(replace(lock, jobs={}), (fact for fact in facts if isinstance(fact, LookUpJudged)))
    both = {key: join(ours.get(key), theirs.get(key)) for key in ours.keys() | theirs.keys()}
    return replace(judged, jobs={key: record for key, record in both.items() if record is not None})


def _follow(ours: dict[Key, Record], theirs: dict[Key, Record], origin: Key, key: Key) -> None:
    """Make a move on our side too, unless it was made there; facts that begin with it are about what we know."""
    there = ours.get(key)
    known = ours.get(origin) if there is None or there.is_blank else there
    if known is not None:
        theirs.setdefault(origin, known)
    if origin in ours and origin in theirs and ours[origin].business_id == theirs[origin].business_id:
        moved = ours.pop(origin)
        ours[key] = join(moved, there) or moved
