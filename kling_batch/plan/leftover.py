"""Files that may go: superseded generations, the videos of orphans, and takes beside one that was picked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kling_batch.job import Key
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.history import earlier_video, result_of
from kling_batch.plan.picks import Pick, Verdict
from kling_batch.plan.record import Record, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """One file that may go, known by its checksum; `bytes` long, and why nothing needs it."""

    key: Key
    output: str
    sha256: str
    bytes: int
    because: str


def leftovers(changes: Sequence[Change]) -> tuple[Leftover, ...]:
    """Return the files that no job of a whole plan has as its result, or will have after it, by path."""
    needed = {output for change in changes for output in _needed(change)}
    found = {each.output: each for change in changes for each in _of(change) if each.output not in needed}
    return tuple(found[output] for output in sorted(found))


def unpicked(
    changes: Sequence[Change], picks: Mapping[Key, Pick], is_here: Callable[[Record], bool]
) -> tuple[Leftover, ...]:
    """Return the results of takes that lost: another take of the same shot and axis values is picked, by path.

    Only a winner counts whose picked video is its result and lies here as it was made, which `is_here` says; and what
    anybody picked, be it an earlier video, loses to nobody. Without a winner among its takes nothing of a job is here,
    rejected or not: what was paid for is all there is of it.
    """
    results = {change.key: result_of(change.record) for change in changes if change.record and change.job}
    picked = {key: pick for key, pick in picks.items() if pick.verdict is Verdict.PICK}
    winners = {
        key.rpartition("#")[0]: key
        for key, video in results.items()
        if video and key in picked and picked[key].is_of(video.sha256) and is_here(video)
    }
    found = [
        each
        for key, video in results.items()
        if video and key not in picked and (winner := winners.get(key.rpartition("#")[0]))
        for each in _file(key, video, f"`{winner}` is picked")
    ]
    return tuple(sorted(found, key=lambda each: each.output))


def _needed(change: Change) -> Iterator[str]:
    if change.job is None:
        return
    yield change.job.output
    record = change.record
    if record is None:
        return
    video = result_of(record)
    if video and video.output:
        yield video.output
    back = earlier_video(record, change.job.spec.hash) if change.action is Action.RESTORE else None
    if back and back.output:
        yield back.output


def _of(change: Change) -> Iterator[Leftover]:
    if change.record is None:
        return
    key = change.origin or change.key
    if change.job is None:
        yield from _file(key, change.record, "gone from the manifest")
    for each in change.record.past:
        yield from _file(key, each, f"superseded generation {each.generation} of `{each.spec[3:9]}`")


def _file(key: Key, record: Record, because: str) -> Iterator[Leftover]:
    if record.state is State.DONE and record.output and record.sha256:
        yield Leftover(key=key, output=record.output, sha256=record.sha256, bytes=record.bytes or 0, because=because)
