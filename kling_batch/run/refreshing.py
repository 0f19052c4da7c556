"""A plan as `refresh` takes it: what is, or may be, at the service is settled and collected; nothing is ever sent.

Jobs that were bought stay in the plan as `keep`, because the engine has to know whose every task is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kling_batch.job import Job, Key, Request, Spec, SpecHash
from kling_batch.plan.diff import Action, Change, Plan
from kling_batch.plan.record import Record, State


def refreshing(plan: Plan) -> Plan:
    """Return the part of a plan that only reads, what left the manifest while it was in flight with it."""
    claims = {change.job.output: change.key for change in plan.changes if change.job}
    read = _Reading(claims=claims)
    changes = [read.change(change) for change in plan.changes]
    return replace(plan, changes=tuple(change for change in changes if change is not None), reads_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Decides about one change at a time; `claims` says which job of the manifest each output belongs to."""

    claims: Mapping[str, Key]

    def change(self, change: Change) -> Change | None:
        """Return what is left of a change where nothing may be sent or moved."""
        record, key = change.record, change.origin or change.key
        match change.action:
            case Action.RESUME | Action.FETCH | Action.UNSURE | Action.LOST | Action.BLOCKED | Action.KEEP:
                return change
            case Action.RETRY:
                because = f"{change.because}; `run` does that, `refresh` sends nothing"
                return replace(change, action=Action.BLOCKED, because=because, pays=False, usd=None)
            case _ if record is None or record.state is State.PENDING:
                return None
            case _ if record.is_in_flight:
                because = f"{change.because}; what is paid for is collected"
                job = self._job(change, key, record)
                origin = None if job.output == record.output else key  # the own key: only the path differs
                return Change(key=key, action=_course(record), because=because, job=job, record=record, origin=origin)
            case _:
                return Change(key=key, action=Action.KEEP, because="nothing of it is at the service", record=record)

    def _job(self, change: Change, key: Key, record: Record) -> Job:
        """Return the job as it was when it was sent, its video's place taken by no other job by now."""
        output = record.output or ""
        if self.claims.get(output) not in {None, change.key}:
            stem, dot, suffix = output.rpartition(".")
            output = f"{stem}~{str(record.business_id)[4:10]}{dot}{suffix}"
        return replace(change.job, key=key, output=output) if change.job else stand_in(key, output)


def stand_in(key: Key, output: str) -> Job:
    """Return a job in the place of one whose request nobody knows any more, because it left the manifest.

    It has a spec that no record has, so that it counts as edited: nothing is said about its request.
    """
    name, _, take = key.rpartition("#")
    spec = Spec(hash=SpecHash(""), parts=("-", "-", "-", "-"))
    shot = name.partition("/")[0]
    return Job(key=key, shot=shot, axes=(), take=take, slug="", request=Request(prompt=""), spec=spec, output=output)


def _course(record: Record) -> Action:
    if record.state is State.UNSURE:
        return Action.UNSURE
    return Action.RESUME if record.expires is None else Action.FETCH
