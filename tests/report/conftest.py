"""Plans to be shown, made by hand."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from kling_batch.events import Failure
from kling_batch.job import BusinessId, Job, Key, Request, TaskId, key_of, slug_of, spec_of
from kling_batch.plan.cost import Price, Prices
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.record import Record, State


@pytest.fixture
def prices() -> Prices:
    """A price table with a date and a source."""
    table = (Price(usd_per_second=Decimal("0.0368"), mode="std"),)
    return Prices(table=table, source="the model page", date="2026-04-24")


def job(shot: str, take: str = "1", prompt: str = "a kettle", **axes: str) -> Job:
    named = tuple(sorted(axes.items()))
    request = Request(prompt=prompt, mode="std", duration=5)
    slug = slug_of(named, take)
    return Job(
        key=key_of(shot, named, take),
        shot=shot,
        axes=named,
        take=take,
        slug=slug,
        request=request,
        spec=spec_of(request),
        output=f"{shot}/{slug}.mp4",
    )


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """Make a job of a shot, with its axes by name."""
    return job


@pytest.fixture
def make_change() -> Callable[..., Change]:
    """Make a change of an action to a job that `job` describes; paying ones cost what the table says."""

    def change(action: Action, shot: str = "hero", **given: object) -> Change:
        axes = {name: given.pop(name) for name in ("lang", "ratio") if name in given}
        one = job(shot, str(given.pop("take", "1")), str(given.pop("prompt", "a kettle")), **axes)
        pays = action in {Action.CREATE, Action.REDO, Action.RETRY}
        values = {
            "key": one.key,
            "job": None if action is Action.ORPHAN else one,
            "because": "not in the lock",
            "pays": pays,
            "usd": Decimal("0.184") if pays else None,
        }
        return Change(action=action, **{**values, **given})

    return change


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Make a record in a state, with what such a record has."""

    def record(state: State, **given: object) -> Record:
        spec = spec_of(Request(prompt="a kettle"))
        values: dict[str, object] = {"spec": spec.hash, "parts": spec.parts, "state": state}
        if state is not State.PENDING:
            values |= {"business_id": BusinessId("kb1-abc"), "spent": Decimal("0.184"), "output": "hero/t1.mp4"}
        if state in {State.SUBMITTED, State.DONE, State.LOST}:
            values |= {"task": TaskId("tsk_vid_1")}
        if state is State.DONE:
            values |= {"sha256": "ab" * 32, "bytes": 1000, "seconds": 5.0}
        if state is State.FAILED:
            values |= {"failure": Failure(kind="rejected", code="content_policy", message="against the policy")}
        return Record(**{**values, **given})

    return record


@pytest.fixture
def every_action(make_change: Callable[..., Change], make_record: Callable[..., Record]) -> tuple[Change, ...]:
    """A plan in which each action occurs."""
    done, failed = make_record(State.DONE), make_record(State.FAILED)
    return (
        make_change(Action.CREATE, lang="de", ratio="16x9"),
        make_change(Action.CREATE, lang="en", ratio="16x9"),
        make_change(Action.CREATE, lang="zh", ratio="16x9", usd=None),
        make_change(Action.REDO, lang="fr", because="prompt and parameters changed", record=done),
        make_change(Action.RETRY, lang="it", because="the service failed, attempt 2", record=failed),
        make_change(Action.RESTORE, lang="es", because="as it was in generation 1", record=done),
        make_change(Action.KEEP, lang="pt", because="done", record=done),
        make_change(Action.KEEP, lang="nl", because="done", record=done, mark="elsewhere"),
        make_change(Action.KEEP, lang="ja", because="done", record=done, mark="changed"),
        make_change(Action.MOVE, "pour", because="was pouring#1", record=done, origin=Key("pouring#1")),
        make_change(Action.RESUME, "pour", take="2", because="still running", record=make_record(State.SUBMITTED)),
        make_change(Action.FETCH, "pour", take="3", because="made, not here yet", record=make_record(State.SUBMITTED)),
        make_change(Action.UNSURE, "pour", take="4", because="connection lost", record=make_record(State.UNSURE)),
        make_change(Action.LOST, "pour", take="5", because="the link is dead", record=make_record(State.LOST)),
        make_change(Action.BLOCKED, "pour", take="6", because="rejected", record=failed),
        make_change(Action.ORPHAN, "old", because="not in the manifest", record=done),
    )
