"""How far a run is."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.events import (
    Cleared,
    Completed,
    Done,
    Doubted,
    Event,
    Failed,
    Failure,
    Held,
    Intended,
    Looked,
    Lost,
    Moved,
    Opened,
    Received,
    Restored,
    Submitted,
    Told,
)
from kling_batch.job import BusinessId, Key, SpecHash, TaskId
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.record import Record, State
from kling_batch.report.progress import Progress, begun, work_of

KEY = Key("hero#1")
TASK = TaskId("tsk_1")
PARTS = ("a", "-", "b", "-")
FAILURE = Failure(kind="transient", code="x", message="y")


def intended(key: Key = KEY, usd: str | None = "0.184") -> Intended:
    return Intended(
        key=key,
        spec=SpecHash("v1:x"),
        parts=PARTS,
        generation=1,
        attempt=1,
        business_id=BusinessId("kb1-a"),
        output="x.mp4",
        usd=Decimal(usd) if usd else None,
    )


def done(key: Key = KEY) -> Done:
    return Done(key=key, output="x.mp4", sha256="ab", bytes=1)


def progress(*events: Event, work: int = 4) -> Progress:
    keys = frozenset(Key(f"hero#{number}") for number in range(1, work + 1))
    seen = Progress(work=keys, began=100.0)
    for event in events:
        seen.see(event)
    return seen


def test_a_job_goes_from_intent_to_file_and_its_price_from_in_flight_to_spent() -> None:
    seen = progress(intended(), Submitted(key=KEY, task=TASK))

    assert seen.line(101) == "0 of 4 done, $0.00 spent, $0.18 in flight"

    for event in (Completed(key=KEY, task=TASK, usd=Decimal("0.2")), done()):
        seen.see(event)

    assert seen.line(102) == "1 of 4 done, $0.20 spent"


def test_a_price_that_billing_does_not_tell_is_the_expected_one() -> None:
    assert progress(intended(), Completed(key=KEY, task=TASK), done()).spent == Decimal("0.184")


def test_a_refunded_failure_costs_nothing_and_a_silent_one_its_price() -> None:
    assert progress(intended(), Failed(key=KEY, failure=FAILURE, usd=Decimal(0))).spent == 0
    assert progress(intended(), Failed(key=KEY, failure=FAILURE)).spent == Decimal("0.184")


def test_an_intent_that_bought_nothing_costs_nothing() -> None:
    seen = progress(intended(), Cleared(key=KEY, why="refused"))

    assert seen.line(101) == "0 of 4 done, $0.00 spent"


def test_a_job_that_failed_and_was_tried_again_is_counted_once() -> None:
    seen = progress(intended(), Failed(key=KEY, failure=FAILURE), intended(), done())

    assert (len(seen.done), len(seen.failed), seen.finished) == (1, 0, 1)


def test_the_time_left_is_guessed_from_the_pace_once_there_is_one() -> None:
    seen = progress(*(done(Key(f"hero#{number}")) for number in (1, 2)), work=6)

    assert seen.left(120.0) is None

    seen.see(done(Key("hero#3")))

    assert seen.left(130.0) == pytest.approx(30.0)
    assert seen.line(130.0).endswith("about 30 s left")


@pytest.mark.parametrize(
    ("event", "phase"),
    [
        (intended(), "sending"),
        (Submitted(key=KEY, task=TASK), "accepted"),
        (Looked(key=KEY, status="in_progress", progress=40), "in_progress 40 %"),
        (Looked(key=KEY, status=""), "accepted"),
        (Doubted(key=KEY, why="reset"), "unsure, being looked up"),
        (Completed(key=KEY, task=TASK), "made"),
        (Received(key=KEY, bytes=2**20, total=2**22), "downloading 1.0 MiB of 4.0"),
        (Received(key=KEY, bytes=2**20), "downloading 1.0 MiB"),
        (Cleared(key=KEY, why="busy"), "waiting"),
    ],
)
def test_what_a_job_is_in_is_told_in_words(event: Event, phase: str) -> None:
    assert progress(event).active == {KEY: phase}


@pytest.mark.parametrize(
    ("event", "done", "failed", "held"),
    [
        (Moved(key=KEY, origin=Key("old#1"), output="x.mp4"), 1, 0, 0),
        (Restored(key=KEY, spec=SpecHash("v1:x"), output="x.mp4"), 1, 0, 0),
        (Lost(key=KEY, why="link dead"), 0, 1, 0),
        (Held(key=KEY, why="budget"), 0, 0, 1),
        (Told(level="note", message="x"), 0, 0, 0),
        (Opened(key=KEY, spec=SpecHash("v1:x"), parts=PARTS, output="x.mp4"), 0, 0, 0),
    ],
)
def test_every_end_of_a_job_is_counted(event: Event, done: int, failed: int, held: int) -> None:
    seen = progress(event)

    assert (len(seen.done), len(seen.failed), len(seen.held)) == (done, failed, held)
    assert seen.active == {}


def test_failures_and_held_jobs_are_in_the_line() -> None:
    seen = progress(Failed(key=KEY, failure=FAILURE), Held(key=Key("hero#2"), why="budget"))

    assert seen.line(101) == "0 of 4 done, 1 failed, 1 held, $0.00 spent"


EVENTS = st.sampled_from(
    [
        intended(),
        intended(usd=None),
        Cleared(key=KEY, why="x"),
        Submitted(key=KEY, task=TASK),
        Completed(key=KEY, task=TASK, usd=Decimal(1)),
        done(),
        Failed(key=KEY, failure=FAILURE),
        Held(key=KEY, why="x"),
        Lost(key=KEY, why="x"),
    ]
)


@given(st.lists(EVENTS, max_size=12))
def test_in_any_order_of_events_money_never_shrinks_and_a_job_is_in_one_place(events: list[Event]) -> None:
    seen = progress()
    before = Decimal(0)
    for event in events:
        seen.see(event)

        assert seen.spent >= before
        before = seen.spent
    assert not seen.failed & seen.held
    assert KEY not in seen.active or KEY not in seen.failed | seen.held


def test_a_run_begins_with_what_earlier_runs_have_in_flight(
    make_change: Callable[..., Change], make_record: Callable[..., Record]
) -> None:
    resumed = make_change(Action.RESUME, record=make_record(State.SUBMITTED))
    kept = make_change(Action.KEEP, take=2, record=make_record(State.DONE))

    seen = begun([resumed, kept], 0.0)

    assert work_of([resumed, kept]) == (resumed,)
    assert seen.line(1.0) == "0 of 1 done, $0.00 spent, $0.18 in flight"
