"""What a person asks of one job by hand: the facts that grant it, or why it cannot be granted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kling_batch.events import Accepted, Completed, Fact, Forgotten, Redrawn, Restored
from kling_batch.job import Job, Key, TaskId
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.history import History, result_of
from kling_batch.plan.join import tasks
from kling_batch.plan.record import Record, State, cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What happens to a job's record: the facts, and in words what follows from them."""

    key: Key
    facts: tuple[Fact, ...]
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a job stays as it is. `is_so` where it is as it was asked to be already."""

    key: Key
    because: str
    is_so: bool = False


def redraw(change: Change, history: History, why: str) -> Granted | Refused:
    """Ask for another draw of a job, whatever there is of it: the next run buys it."""
    job, record, key = change.job, change.record, change.key
    match change.action:
        case _ if job is None or record is None:
            known = "the manifest" if job is None else "the lock"
            return Refused(key=key, because=f"is not in {known}")
        case Action.CREATE:
            return Refused(key=key, because="was never made; the next run makes it")
        case Action.RESUME | Action.FETCH | Action.UNSURE:
            return Refused(key=key, because=f"is under way: {change.because}")
        case Action.MOVE if change.origin not in {None, key}:
            return Refused(key=key, because=f"{change.because}: let a run move it first")
        case Action.REDO | Action.RETRY if record.state is State.PENDING and record.spec == job.spec.hash:
            return Refused(key=key, because=f"is made anew by the next run already: {change.because}", is_so=True)
    price = f" for ${change.price:f}" if change.price is not None else ""
    return Granted(
        key=key, facts=(_redrawn(job, record, history, why),), because=f"is made anew by the next run{price}"
    )


def _redrawn(job: Job, record: Record | None, history: History, why: str) -> Redrawn:
    """Return the draw that comes after all that there was: the number that was asked for already, else the next."""
    waiting = record if record and record.state is State.PENDING and record.spec == job.spec.hash else None
    is_asked = waiting is not None and not (waiting.attempts or waiting.also or waiting.business_id)
    generation = waiting.generation if waiting and is_asked else history.next_generation(job, record)
    spec = job.spec
    return Redrawn(key=job.key, spec=spec.hash, parts=spec.parts, generation=generation, output=job.output, why=why)


def accept(change: Change, history: History, why: str) -> Granted | Refused:
    """Let the video that is there be what the manifest asks for by now; nothing is paid."""
    job, record, key = change.job, change.record, change.key
    if job is None or record is None:
        return Refused(key=key, because=f"is not in {'the manifest' if job is None else 'the lock'}")
    if change.action in {Action.RESUME, Action.FETCH, Action.UNSURE}:
        return Refused(key=key, because=f"is under way: {change.because}")
    video = result_of(record)
    if video is None:
        return Refused(key=key, because="has no video that could be accepted")
    if record.state is State.DONE and record.spec == job.spec.hash:
        return Refused(key=key, because="is what the manifest asks for", is_so=True)
    facts: list[Fact] = []
    if record.state is not State.DONE:
        facts.append(Restored(key=key, spec=video.spec, output=video.output or job.output))
    if video.spec != job.spec.hash:
        spec, generation = job.spec, history.next_generation(job, record)
        facts.append(Accepted(key=key, spec=spec.hash, parts=spec.parts, generation=generation, why=why))
    return Granted(key=key, facts=tuple(facts), because=f"`{video.output}` is its video, and nothing is bought")


def bring_in(change: Change, history: History, why: str, task: TaskId | None = None) -> Granted | Refused:
    """Take what was made elsewhere as a job's next draw: a task that the service knows, or else a video.

    A job's own task is looked at again where its video came damaged.
    """
    job, record, key = change.job, change.record, change.key
    match change.action:
        case _ if job is None:
            return Refused(key=key, because="is not in the manifest")
        case Action.UNSURE:
            return Refused(key=key, because="is unsure: `resolve --adopt TASK` gives it a task")
        case Action.RESUME | Action.FETCH:
            return Refused(key=key, because=f"is under way: {change.because}")
        case Action.KEEP | Action.MOVE | Action.RESTORE:
            is_so = task is not None and record is not None and record.task == task
            return Refused(key=key, because=f"has a video; `redo` asks for another ({change.because})", is_so=is_so)
    owner = history.owners.get(task) if task else None
    fact: Fact
    if task is not None and record is not None and record.task == task and record.is_damaged:
        fact = Completed(key=key, task=task, expires=None, usd=None)
        because = f"is fetched again by the next run or refresh: task `{task}`"
    elif owner is not None:
        return Refused(key=key, because=f"cannot have task `{task}`, which is that of `{owner}`", is_so=owner == key)
    else:
        fact = replace(_redrawn(job, record, history, why), task=task, usd=change.price if task else None)
        because = f"is collected by the next run: task `{task}`" if task else "is done"
    return Granted(key=key, facts=(fact,), because=because)


def forget(change: Change, why: str, *, also_paid: bool) -> Granted | Refused:
    """Let the lock know nothing of a job any more; what was paid for only if that is said."""
    record, key = change.record, change.origin or change.key
    if record is None:
        return Refused(key=key, because="is not in the lock", is_so=True)
    if record.state is State.UNSURE:
        return Refused(key=key, because="may have been paid for: `resolve` settles it first")
    if not also_paid and is_paid(record):
        return Refused(key=key, because=f"{lost_with(record)} would be lost; `--yes` forgets it all the same")
    return Granted(key=key, facts=(Forgotten(key=key, why=why),), because=f"is forgotten: {lost_with(record)}")


def is_paid(record: Record) -> bool:
    """Say whether forgetting a record would lose something that was, or may have been, paid for."""
    return bool(tasks(record) or cost(record) or result_of(record))


def lost_with(record: Record) -> str:
    """Return in words what only this record knows: tasks, money, files."""
    known = [f"task `{task}`" for task in tasks(record)]
    if paid := cost(record):
        known.append(f"${paid:f}")
    known += [f"`{each.output}`" for each in _videos(record)]
    return ", ".join(known) or "it cost nothing"


def _videos(record: Record) -> Sequence[Record]:
    return [each for each in (record, *record.past) if each.state is State.DONE and each.output]
