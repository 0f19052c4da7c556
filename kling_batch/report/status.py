"""Where every job of a manifest stands: joined from its plan, which holds each job against lock and journal."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from kling_batch.events import Failure
from kling_batch.job import Json, Key
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.history import result_of
from kling_batch.plan.picks import Pick, Verdict
from kling_batch.plan.record import Record, State, committed
from kling_batch.report.money import amount, exact, price, several
from kling_batch.report.plan_groups import cost
from kling_batch.report.table import aligned, comma_separated

ROWS = 200
SHOWN_LETTERS = 60
FIELDS = (
    *("key", "state", "task", "business_id", "output", "sha256", "usd"),
    *("error_class", "error_code", "error_message", "orphan", "verdict", "note"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `status` tells: the jobs that were selected, the orphans apart, and the money of the whole campaign.

    `billed` is what every record has cost or may cost, in USD; `left` what the plan would still buy, `None` if a price
    of it is unknown. `picks` are what people said of takes.
    """

    manifest: str
    lock: str
    jobs: tuple[Change, ...]
    orphans: tuple[Change, ...]
    billed: Decimal
    left: Decimal | None
    picks: Mapping[Key, Pick] = field(default_factory=dict)


def status_of(
    manifest: str,
    lock: str,
    changes: Sequence[Change],
    is_meant: Callable[[Change], bool],
    picks: Mapping[Key, Pick] = MappingProxyType({}),
) -> Status:
    """Return the status that all changes of a plan tell; `is_meant` selects the jobs, the money is the campaign's."""
    told = [change for change in changes if is_meant(change)]
    left = cost(changes)
    return Status(
        manifest=manifest,
        lock=lock,
        jobs=tuple(change for change in told if change.action is not Action.ORPHAN),
        orphans=tuple(change for change in told if change.action is Action.ORPHAN),
        billed=committed({change.origin or change.key: change.record for change in changes if change.record}),
        left=None if left.unknown else left.usd,
        picks=picks,
    )


def status_json(status: Status) -> dict[str, Json]:
    """Return a status as design section 7 has it; `usd` of a job is what it has cost or may cost so far."""
    return {
        "manifest": status.manifest,
        "lock": status.lock,
        "counts": {state.value: number for state, number in _counts(status).items()},
        "usd": {"billed": exact(status.billed), "left": exact(status.left)},
        "jobs": [_job_json(change, status) for change in status.jobs],
        "orphans": [_job_json(change, status) for change in status.orphans],
    }


def _counts(status: Status) -> dict[State, int]:
    found = Counter(change.state for change in status.jobs)
    return {state: found[state] for state in State if state in found}


def _job_json(change: Change, status: Status) -> dict[str, Json]:
    record, pick = change.record, status.picks.get(change.key)
    said: dict[str, Json] = {}
    if pick is not None:
        verdict = pick.verdict.value if pick.verdict else None
        said = {"pick": {"verdict": verdict, "note": pick.note, "current": _is_of_result(pick, record)}}
    return said | {
        "key": change.key,
        "state": change.state.value,
        "task": record.task if record else None,
        "business_id": record.business_id if record else None,
        "output": record.output if record and record.output else change.job.output if change.job else None,
        "sha256": record.sha256 if record else None,
        "usd": exact(record.spent) if record else None,
        "error": _error_json(record.failure) if record and record.failure else None,
    }


def _error_json(failure: Failure) -> dict[str, Json]:
    return {"class": failure.kind, "code": failure.code, "message": failure.message}


def status_csv(status: Status) -> str:
    """Return a status as CSV for a spreadsheet, one job a row, orphans last."""
    return comma_separated(FIELDS, (_cells(change, status) for change in (*status.jobs, *status.orphans)))


def _cells(change: Change, status: Status) -> tuple[str, ...]:
    job, pick = _job_json(change, status), status.picks.get(change.key, Pick())
    failure = change.record.failure if change.record else None
    told = (failure.kind, failure.code, failure.message) if failure else ("", "", "")
    orphan = "true" if change.action is Action.ORPHAN else "false"
    return (
        *("" if job[name] is None else str(job[name]) for name in FIELDS[:7]),
        *told,
        orphan,
        pick.verdict.value if pick.verdict else "",
        pick.note,
    )


def status_text(status: Status) -> str:
    """Return a status for a terminal: a row a job, then how many are in each state, and the money."""
    rows = [_row(change, status) for change in status.jobs[:ROWS]]
    lines = aligned(rows, right=(2,))
    if len(status.jobs) > ROWS:
        lines.append(f"... and {several(len(status.jobs) - ROWS, 'more job')}; `--state` or a selector tells which")
    if status.orphans:
        lines += [
            "",
            "no longer in the manifest",
            *aligned([_row(change, status) for change in status.orphans[:ROWS]], indent="  "),
        ]
    return "\n".join([*lines, "", _last_line(status), ""])


def _row(change: Change, status: Status) -> tuple[str, ...]:
    record, pick = change.record, status.picks.get(change.key)
    money = price(record.spent) if record and record.spent is not None else ""
    return (change.state.value, change.key, money, _remark(change), *((_said(pick, record),) if pick else ()))


def _said(pick: Pick, record: Record | None) -> str:
    """Return what a person said of a take, and whether it was of another video than its result."""
    verdict = _PAST[pick.verdict] + ("" if _is_of_result(pick, record) else ", an earlier video")
    return ": ".join(filter(None, (verdict, _short(pick.note))))


def _is_of_result(pick: Pick, record: Record | None) -> bool:
    video = result_of(record) if record else None
    return pick.is_of(video.sha256 if video else None)


_PAST: Mapping[Verdict | None, str] = {
    Verdict.PICK: "picked",
    Verdict.REJECT: "rejected by a person",
    None: "noted",
}


def _remark(change: Change) -> str:
    record = change.record
    if record and record.failure:
        return f"{record.failure.kind}: {_short(record.failure.message)}"
    if record and record.state is State.DONE and change.action is Action.KEEP:
        return record.output or ""
    return change.because


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_LETTERS else text[: SHOWN_LETTERS - 3] + "..."


def _last_line(status: Status) -> str:
    counted = ", ".join(f"{number:,} {state.value}" for state, number in _counts(status).items()) or "no jobs"
    left = "an unknown sum" if status.left is None else amount(status.left)
    return f"{counted}. {amount(status.billed)} spent or committed, {left} left to spend (estimate)"
