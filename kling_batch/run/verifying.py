"""Every file that the lock calls done, held against what the lock knows of it. It only reads."""

import enum
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from kling_batch.errors import StateError
from kling_batch.job import Key
from kling_batch.media.boxes import Damage, inspect
from kling_batch.media.stills import Probe
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import Record, State
from kling_batch.plan.select import Selection, selected, selection_of
from kling_batch.run.shelf import Shelf
from kling_batch.run.workspace import Campaign

_HANDS = 4  # decoders at work at once


class Trouble(enum.Enum):
    """What can be wrong with a file that is done."""

    MISSING = "missing"
    CHANGED = "changed"
    DAMAGED = "damaged"
    UNLABELLED = "unlabelled"
    MISLABELLED = "mislabelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One file that should be here; `trouble` is `None` if all is well, `why` says it for people.

    `record` is the generation that it belongs to, of the job `key`; `probe` what a decoder found, where one looked.
    """

    key: Key
    record: Record
    output: str
    trouble: Trouble | None = None
    why: str = ""
    probe: Probe | None = None


def verify(campaign: Campaign, lock: Lock, only: Sequence[str] | Selection = ()) -> tuple[Finding, ...]:
    """Return what is found of every file that the selected jobs have, superseded generations included; reads only."""
    selection, shelf = selection_of(only, campaign.manifest.chosen), Shelf(root=campaign.places.outputs)
    meant = selected(selection, ((key, record.state) for key, record in lock.jobs.items()))
    return tuple(
        checked(Finding(key=key, record=each, output=each.output), shelf)
        for key in sorted(meant)
        for each in (lock.jobs[key], *lock.jobs[key].past)
        if each.state is State.DONE and each.output is not None
    )


def checked(file: Finding, shelf: Shelf) -> Finding:
    """Return what is found of one file now: existence, size, checksum, boxes, and the task that lies beside it."""
    try:
        trouble, why = next(_troubles(file.record, file.output, shelf), (None, ""))
    except (StateError, OSError) as error:
        trouble, why = Trouble.CHANGED, str(error)
    return Finding(key=file.key, record=file.record, output=file.output, trouble=trouble, why=why)


def look(found: Sequence[Finding], shelf: Shelf, probe: Callable[[Path], Probe]) -> tuple[Finding, ...]:
    """Return the same with what a decoder finds in each file that is sound so far; pictures it cannot read are damage.

    Several are looked at beside each other: a decoder leaves the interpreter's lock alone.
    """

    def looked(file: Finding) -> Finding:
        if file.trouble is not None or not (path := shelf.path(file.output)).is_file():
            return file
        seen = probe(path)
        if not seen.damage:
            return replace(file, probe=seen)
        return replace(
            file, probe=seen, trouble=Trouble.DAMAGED, why=f"its pictures cannot all be decoded: {seen.damage}"
        )

    with ThreadPoolExecutor(_HANDS) as pool:
        return tuple(pool.map(looked, found))


def _troubles(record: Record, output: str, shelf: Shelf) -> Iterator[tuple[Trouble, str]]:
    path = shelf.path(output)
    if not path.is_file() and record.pruned:
        return
    if not path.is_file():
        yield Trouble.MISSING, "it is not here"
        return
    size = path.stat().st_size
    if size != record.bytes:
        yield Trouble.CHANGED, f"it has {size:,} bytes, not {record.bytes or 0:,}"
    elif shelf.checksum(output) != record.sha256:
        yield Trouble.CHANGED, "it is not the file that was made: its checksum differs"
    with shelf.open(output) as file:
        verdict = inspect(file, size)
    if isinstance(verdict, Damage):
        yield Trouble.DAMAGED, f"it is no whole MP4: at byte {verdict.at} {verdict.why}"
    if record.task is None:
        return
    beside = shelf.sidecar(output)
    if beside is None:
        yield Trouble.UNLABELLED, "its sidecar is not here"
    elif beside.get("task") != record.task:
        yield Trouble.MISLABELLED, f"its sidecar names task {beside.get('task')}, the lock task {record.task}"
