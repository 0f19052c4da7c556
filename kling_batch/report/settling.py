"""What is told of jobs that are being settled: by `refresh` before it asks, and by `resolve` once it is done."""

import shlex
from collections.abc import Sequence

from kling_batch.job import Json
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.record import Record
from kling_batch.report.money import exact, price, several
from kling_batch.report.plan_groups import SIGNS, by_action
from kling_batch.report.progress import IN_FLIGHT
from kling_batch.report.table import aligned
from kling_batch.text.plain import plain

ROWS = 10


def refresh_text(changes: Sequence[Change]) -> str:
    """Return what a refresh is about to do: the jobs that are, or may be, at the service, and what it leaves alone."""
    groups = [(action, group) for action, group in by_action(changes) if action in IN_FLIGHT]
    if not groups:
        return "Refresh: nothing is under way at the service.\n"
    rows = [row for action, group in groups for row in _rows(action, group)]
    counted = ", ".join(f"{several(len(group), 'job')} {_WORDS[action]}" for action, group in groups)
    return "\n".join([*aligned(rows, indent="  "), "", f"Refresh: {counted}. Nothing is submitted.", ""])


_WORDS = {Action.RESUME: "to look at", Action.FETCH: "to fetch", Action.UNSURE: "to look up"}


def _rows(action: Action, group: Sequence[Change]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [(SIGNS[action], action.value, change.key, change.because) for change in group[:ROWS]]
    folded = len(group) - ROWS
    return [*rows, ("", "", f"... and {folded:,} more")] if folded > 0 else rows


def resolve_question(job: Change) -> str:
    """Return what a person has to know before a job that may have been paid for is let go out once more."""
    known = job.record.business_id if job.record else None
    return (
        f"{plain(job.key)} may have been paid for already. The next run sends it again for {price(job.price)},\n"
        f"under the same business id {known}.\n"
        "Where the service does not honour business ids, it is then paid for twice."
    )


def resolve_text(settled: Sequence[tuple[Change, Record]], choice: str, manifest: str, flags: str) -> str:
    """Return what has become of jobs that were settled by `adopt`, `resubmit` or `abandon`, and what comes next."""
    jobs = "\n".join(aligned([(job.key, _outcome(record, choice)) for job, record in settled]))
    return f"{jobs}\n{_NEXT[choice]}\n    kling-batch {_VERB[choice]} {shlex.quote(manifest)}{_key(choice)}{flags}\n"


_NEXT = {
    "adopt": "to collect it, which pays for nothing:",
    "resubmit": "it goes out with the next run:",
    "abandon": "it is never looked at again; to buy one anew:",
}
_VERB = {"adopt": "refresh", "resubmit": "run", "abandon": "redo"}


def _key(choice: str) -> str:
    return " KEY" if choice == "abandon" else ""


def _outcome(record: Record, choice: str) -> str:
    match choice:
        case "adopt":
            return f"is task {record.task}, {price(record.spent)}"
        case "resubmit":
            return f"is sent again under {record.business_id}"
        case _:
            return f"is given up, and counts as spent: {price(record.spent)}"


def resolve_json(settled: Sequence[tuple[Change, Record]], choice: str) -> dict[str, Json]:
    """Return the same for programs."""
    return {
        "settled": [
            {
                "key": job.origin or job.key,
                "choice": choice,
                "state": record.state.value,
                "task": record.task,
                "business_id": record.business_id,
                "usd": exact(record.spent),
            }
            for job, record in settled
        ]
    }
