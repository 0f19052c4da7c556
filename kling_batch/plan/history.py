"""What a job has been through, as far as the next draw of it depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from kling_batch.job import PARTS, BusinessId, Job, Key, SpecHash, TaskId, business_id
from kling_batch.plan.join import tasks
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import Record, State


@dataclass(frozen=True)
class History:
    """Everything that a lock knows of earlier draws."""

    lock: Lock

    def next_generation(self, job: Job, record: Record | None) -> int:
        """Return the generation of a deliberate new draw of a job: one above all with its spec under its key.

        A record may have moved to another key with the business id it was bought under; that id is not used again,
        or the service would answer with the old task.
        """
        known = (record, *record.past) if record else ()
        spec = job.spec.hash
        drawn = [each.generation for each in known if each.spec == spec and _was_sent(each)]
        generation = max(drawn, default=0) + 1
        if spec in self._specs:
            while business_id(self.lock.project, job.key, spec, generation, 1) in self._ids:
                generation += 1
        return generation

    @cached_property
    def owners(self) -> Mapping[TaskId, Key]:
        """Return which job each task of the lock belongs to, earlier ones and second ones too."""
        return {task: key for key, record in self.lock.jobs.items() for task in tasks(record)}

    @cached_property
    def _draws(self) -> tuple[Record, ...]:
        return tuple(each for record in self.lock.jobs.values() for each in (record, *record.past))

    @cached_property
    def _specs(self) -> frozenset[SpecHash]:
        return frozenset(each.spec for each in self._draws)

    @cached_property
    def _ids(self) -> frozenset[BusinessId | None]:
        bought = tuple(each for each in self._draws if each.state is not State.PENDING)
        others = (other.business_id for each in self._draws for other in (*each.attempts, *each.also))
        return frozenset((*(each.business_id for each in bought), *others))


def earlier_video(record: Record, spec: SpecHash) -> Record | None:
    """Return the newest superseded generation with a spec whose file is kept, or `None`."""
    for each in reversed(record.past):
        if each.spec == spec and each.state is State.DONE and each.output is not None:
            return each
    return None


def changed_parts(record: Record, job: Job) -> str:
    """Return in words which parts of a request differ from what was sent: `prompt and parameters changed`."""
    parts = zip(PARTS, record.parts, job.spec.parts, strict=False)
    names = [name for name, before, now in parts if before != now]
    *most, last = names or ["request"]
    return f"{', '.join(most)} and {last} changed" if most else f"{last} changed"


def result_of(record: Record) -> Record | None:
    """Return the draw whose video is the job's result: until a newer one is done, that is the one before it."""
    draws = (record, *reversed(record.past))
    return next((each for each in draws if each.state is State.DONE and each.output is not None), None)


def asked_anew(record: Record) -> str:
    """Return in words that somebody asked for another draw, and why."""
    return f"asked for anew: {record.reason}" if record.reason else "asked for anew"


def _was_sent(record: Record) -> bool:
    return record.state is not State.PENDING or bool(record.attempts or record.also)
