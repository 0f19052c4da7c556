"""Which new job is an orphan under another name: the same request, one to one, so that a rename buys nothing."""

from collections.abc import Iterable, Mapping

from kling_batch.job import Job, Key, SpecHash
from kling_batch.plan.record import Record, State


def renamed(jobs: Iterable[Job], orphans: Mapping[Key, Record]) -> dict[Key, Key]:
    """Return the orphan that each new job takes over, by the job's key.

    Takes of one request have one spec: an equal take goes first, the rest in the order of jobs and of orphans' keys.
    """
    free: dict[SpecHash, list[Key]] = {}
    for key in sorted(orphans):
        if _is_worth(orphans[key]):
            free.setdefault(orphans[key].spec, []).append(key)
    wanting = [job for job in jobs if job.spec.hash in free]
    origins = {}
    for is_heir in (_same_take, _any):
        for job in wanting:
            found = next((key for key in free[job.spec.hash] if is_heir(job, key)), None)
            if job.key not in origins and found is not None:
                origins[job.key] = found
                free[job.spec.hash].remove(found)
    return origins


def _same_take(job: Job, key: Key) -> bool:
    return key.rpartition("#")[2] == job.take


def _any(job: Job, key: Key) -> bool:  # noqa: ARG001 - stands in for `_same_take`
    return True


def _is_worth(record: Record) -> bool:
    """Whether a record is more than a fresh start would be: what was only refused by chance is not."""
    match record.state:
        case State.PENDING:
            return False
        case State.FAILED:
            return record.failure is None or record.failure.kind != "transient"
        case _:
            return True
