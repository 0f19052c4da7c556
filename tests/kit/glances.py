"""Runs to be looked at, made by hand: plans of many jobs, and the events of each step."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from kling_batch.events import (
    Completed,
    Done,
    Doubted,
    Event,
    Failed,
    Failure,
    Intended,
    Looked,
    Submitted,
)
from kling_batch.job import BusinessId, Key, SpecHash, TaskId
from kling_batch.manifest.model import RunSettings
from kling_batch.plan.diff import Change, Plan

PARTS = ("a", "-", "b", "-")
PRICE = Decimal("0.184")
RUN = RunSettings(in_flight=64, submit_per_second=5.0, budget=Decimal(40))


def plan_of(changes: Iterable[Change], settings: RunSettings = RUN, **given: object) -> Plan:
    values = {"project": "spring", "service": "http://127.0.0.1:9", "spent": Decimal(0), **given}
    return Plan(changes=tuple(changes), settings=settings, **values)  # type: ignore[arg-type]  # a table of arguments


def intended(key: Key, usd: Decimal | None = PRICE) -> Intended:
    return Intended(
        key=key,
        spec=SpecHash("v1:x"),
        parts=PARTS,
        generation=1,
        attempt=1,
        business_id=BusinessId("kb1-a"),
        output="x.mp4",
        usd=usd,
    )


def submitted(key: Key) -> Submitted:
    return Submitted(key=key, task=TaskId("tsk_1"))


def looked(key: Key, progress: int | None = 50, status: str = "in_progress") -> Looked:
    return Looked(key=key, status=status, progress=progress)


def completed(key: Key, usd: Decimal | None = None) -> Completed:
    return Completed(key=key, task=TaskId("tsk_1"), usd=usd)


def done(key: Key) -> Done:
    return Done(key=key, output="x.mp4", sha256="ab", bytes=1)


def failed(key: Key, message: str = "against the policy", usd: Decimal | None = None) -> Failed:
    return Failed(key=key, failure=Failure(kind="rejected", code="content_policy", message=message), usd=usd)


def doubted(key: Key) -> Doubted:
    return Doubted(key=key, why="connection reset")


def made(key: Key) -> Sequence[Event]:
    return intended(key), submitted(key), looked(key), completed(key), done(key)
