"""What `recover` found, before it is written: which jobs are known again and from where, and which are not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from kling_batch.job import Json, Key
from kling_batch.plan.record import Record, cost
from kling_batch.report.money import amount, exact, price, several
from kling_batch.report.table import aligned

ROWS, UNKNOWN_ROWS = 200, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Regained:
    """One job as the lock will know it; `source` is `journal`, `file` or `service`, whichever told of it last."""

    key: Key
    source: str
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Regain:
    """All that was found, the jobs that are `unknown`, whether the service was `asked` about them, and the lock's name.

    `is_proven` says whether the service is known to look tasks up by business id: else its silence means nothing.
    """

    lock: str
    jobs: Sequence[Regained]
    unknown: Sequence[Key]
    asked: bool
    is_proven: bool


def recovery_text(regain: Regain) -> str:
    """Return what was found, for people."""
    rows = [
        (job.record.state.value, job.key, price(job.record.spent), f"from the {job.source}", job.record.output or "")
        for job in regain.jobs[:ROWS]
    ]
    lines = aligned(rows, right=(2,))
    if len(regain.jobs) > ROWS:
        lines.append(f"... and {several(len(regain.jobs) - ROWS, 'more job')}; `--json` tells every one")
    counted = Counter(job.source for job in regain.jobs)
    told = ", ".join(f"{number:,} from the {source}" for source, number in counted.items())
    spent = sum((cost(job.record) for job in regain.jobs), Decimal(0))
    found = f"found: {several(len(regain.jobs), 'job')}"
    lines += [""] if lines else []
    lines.append(f"{found} ({told}), {amount(spent)} spent or committed" if told else found)
    return "\n".join([*lines, *_unknown(regain), ""])


def _unknown(regain: Regain) -> list[str]:
    """Return what is to be known of the jobs that were not found: a run would buy them."""
    if not regain.unknown:
        return []
    jobs = several(len(regain.unknown), "job")
    if not regain.asked:
        why = "the service was not asked about them, because `TOAPIS_API_KEY` is not set"
        help_ = "set it and recover again, if any of them may have been sent: a run would buy them"
    elif not regain.is_proven:
        why = "the service finds nothing under their business ids, but is not known to look tasks up by them"
        help_ = "look in its own list of tasks, if any of them may have been sent: a run would buy them"
    else:
        why = "the service has no task under their business ids either"
        help_ = "a run buys them"
    shown = [f"  {key}" for key in regain.unknown[:UNKNOWN_ROWS]]
    more = len(regain.unknown) - UNKNOWN_ROWS
    return [
        f"not found: {jobs}; {why}",
        *shown,
        *([f"  ... and {more:,} more"] if more > 0 else []),
        f"  {help_}",
    ]


def recovery_json(regain: Regain, *, written: bool) -> dict[str, Json]:
    """Return the same for programs, and whether the lock was written."""
    return {
        "lock": regain.lock,
        "written": written,
        "asked": regain.asked,
        "found": [
            {
                "key": job.key,
                "source": job.source,
                "state": job.record.state.value,
                "task": job.record.task,
                "business_id": job.record.business_id,
                "output": job.record.output,
                "sha256": job.record.sha256,
                "usd": exact(job.record.spent),
            }
            for job in regain.jobs
        ],
        "unknown": list(regain.unknown),
    }
