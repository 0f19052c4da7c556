"""What a run leaves behind, for the person who paid: what was made, what still runs, what needs a hand and which one.

A job that may have been paid for is never told in words that invite a blind second try (reliability b2).
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from kling_batch.plan.cost import total
from kling_batch.plan.diff import Action, Change
from kling_batch.report.money import amount, duration, price, several
from kling_batch.report.money import total as sum_text
from kling_batch.report.table import aligned
from kling_batch.text.plain import plain

ROWS = 10
PROMPT_LETTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended: `made` videos in `seconds` for `spent` USD under `outputs`, and the plan that is left.

    `left` holds every job against the lock again, after the run. `command` is the run's own command line, as far as
    the next one needs it; the jobs are added where it `names_jobs`. `manifest` and `flags` (with a space before them)
    are what other verbs need of it.
    """

    made: int
    seconds: float
    spent: Decimal
    outputs: str
    left: Sequence[Change]
    reasons: Sequence[str]
    manifest: str
    command: str
    flags: str = ""
    names_jobs: bool = False

    def run(self, changes: Sequence[Change], *words: str) -> str:
        """Return the command that runs these jobs, with more words: those that have rows, where they are named."""
        keys = [change.key for change in changes[:ROWS]] if self.names_jobs else []
        return " ".join([self.command, *map(shlex.quote, (*words, *keys))])


def summary(ending: Ending) -> str:
    """Return the last words of a run."""
    made = f"made {several(ending.made, 'video')} in {duration(ending.seconds)} for {amount(ending.spent)}"
    lines = [f"{made}, in {plain(ending.outputs)}", *(plain(reason) for reason in ending.reasons)]
    for tell in (_running, _unsure, _lost, _blocked, _failed, _pending):
        lines += tell(ending)
    return "\n".join([*lines, ""])


def _of(ending: Ending, *actions: Action) -> list[Change]:
    return [change for change in ending.left if change.action in actions]


def _running(ending: Ending) -> Iterator[str]:
    running = _of(ending, Action.RESUME, Action.FETCH)
    if running:
        known = total(change.record.spent if change.record else None for change in running)
        yield f"\nstill at the service and paid for: {several(len(running), 'job')}, {sum_text(known)}"
        yield from _rows(running)
        yield "  to collect them, which pays for nothing:"
        yield f"    kling-batch refresh {shlex.quote(ending.manifest)}{ending.flags}"


def _unsure(ending: Ending) -> Iterator[str]:
    unsure = _of(ending, Action.UNSURE)
    if not unsure:
        return
    yield f"\nunsure: {several(len(unsure), 'job')} may have been paid for, and will not be sent again unasked"
    for change in unsure[:ROWS]:
        record = change.record
        money = price(record.spent if record else None)
        yield f"  {plain(change.key)}  {money}  {plain(change.because)}"
        yield f"    look in the service's task list for {_sought(change)}, then settle it with one of"
        job = f"{shlex.quote(ending.manifest)} {shlex.quote(plain(change.key))}{ending.flags}"
        for choice in ("--adopt TASK", "--abandon", "--resubmit"):
            yield f"    kling-batch resolve {job} {choice}"
    yield from _more(unsure)


def _sought(change: Change) -> str:
    prompt = f'"{_start(change.job.request.prompt)}"' if change.job else "the job"
    known = change.record.business_id if change.record else None
    return f"{prompt} (business id {known})" if known else prompt


def _start(prompt: str) -> str:
    words = " ".join(plain(prompt).split())
    return words if len(words) <= PROMPT_LETTERS else words[:PROMPT_LETTERS] + "..."


def _lost(ending: Ending) -> Iterator[str]:
    lost = _of(ending, Action.LOST)
    if lost:
        yield f"\nlost: {several(len(lost), 'video')} made and paid for, the links dead before the files were here"
        yield from _rows(lost)
        words = ["kling-batch", "redo", ending.manifest, *(change.key for change in lost[:ROWS])]
        yield f"  to have them bought again by the next run:\n    {shlex.join(words)}{ending.flags}"


def _blocked(ending: Ending) -> Iterator[str]:
    blocked = _of(ending, Action.BLOCKED)
    if blocked:
        damaged = [change for change in blocked if change.record and change.record.is_damaged]
        failed = [each for each in blocked if each.record and each.record.failure and not each.record.is_damaged]
        refused = [change for change in failed if _is_refused(change)]
        until = ", until the request changes" if len(refused) == len(blocked) else ""
        yield f"\nblocked: {several(len(blocked), 'job')}{until}"
        yield from _rows(blocked)
        if failed:
            what = "was refused" if failed == refused else "failed"
            yield f"  to send what {what} once more as it is:\n    {ending.run(failed, '--retry', 'rejected')}"
        yield from _damaged(ending, damaged)
        picked = [change for change in blocked if change.mark == "picked"]
        if picked:
            yield f"  to draw what is picked anew:\n    {ending.run(picked, '--redo-picked')}"


def _is_refused(change: Change) -> bool:
    """Say whether a job failed because of what it asks for."""
    record = change.record
    return bool(record and record.failure and record.failure.kind != "transient" and not record.is_damaged)


def _damaged(ending: Ending, damaged: Sequence[Change]) -> Iterator[str]:
    if damaged:
        yield "  to have what came damaged fetched again by the next run, which pays for nothing:"
        for change in damaged[:ROWS]:
            words = shlex.join([ending.manifest, change.key, (change.record and change.record.task) or ""])
            yield f"    kling-batch import {words}{ending.flags}"


def _failed(ending: Ending) -> Iterator[str]:
    failed = _of(ending, Action.RETRY)
    if failed:
        yield f"\nfailed: {several(len(failed), 'job')}; a new run tries them again"
        yield from _rows(failed)
        yield f"    {ending.run(failed)}"


def _pending(ending: Ending) -> Iterator[str]:
    pending = _of(ending, Action.CREATE, Action.REDO)
    if pending:
        money = sum_text(total(change.usd for change in pending))
        yield f"\nnot sent: {several(len(pending), 'job')}, {money}; nothing was paid for them"
        yield f"    {ending.run(pending)}"


def _rows(changes: Sequence[Change]) -> Iterator[str]:
    yield from aligned([(change.key, _why(change)) for change in changes[:ROWS]], indent="  ")
    yield from _more(changes)


def _why(change: Change) -> str:
    failure = change.record.failure if change.record else None
    if failure is None or (change.action is Action.BLOCKED and not _is_refused(change)):
        return change.because
    return f"{failure.kind}: {failure.message}"


def _more(changes: Sequence[Change]) -> Iterator[str]:
    if len(changes) > ROWS:
        yield f"  ... and {len(changes) - ROWS:,} more; `status` lists them"
