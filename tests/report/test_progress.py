"""How far a run is."""

import sys
from collections.abc import Callable
from decimal import Decimal

import pytest
from glances import completed, done, doubted, failed, intended, looked, made, plan_of, submitted
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.events import Cleared, Event, Held, Intended, Lost, Moved, Opened, Received, Restored, Told
from kling_batch.job import Key, SpecHash
from kling_batch.manifest.model import RunSettings
from kling_batch.plan.cost import Sum
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.record import Record, State
from kling_batch.report.progress import ACTIVE_ROWS, FAILURE_ROWS, Progress, Stage, begun, work_of
from kling_batch.report.spending import Spending
from kling_batch.report.tempo import Tempo

KEY = Key("hero#1")
MakeChange = Callable[..., Change]
MakeRecord = Callable[..., Record]


def progress(*events: Event, jobs: int = 4, in_flight: int = 2) -> Progress:
    """Return a run of so many jobs in which these events happened, one a second from 0 on."""
    seen = Progress(began=0.0, spending=Spending(), tempo=Tempo(in_flight=in_flight, submit_per_second=1.0))
    for number in range(1, jobs + 1):
        seen.add(Key(f"hero#{number}"), ("std", 5))
    for second, event in enumerate(events, 1):
        seen.see(event, float(second))
    return seen


@pytest.mark.parametrize(
    ("event", "stage", "phase"),
    [
        (intended(KEY), Stage.SENDING, "being sent"),
        (submitted(KEY), Stage.AT_SERVICE, "accepted"),
        (looked(KEY, 40), Stage.AT_SERVICE, "in_progress 40 %"),
        (looked(KEY, None, ""), Stage.AT_SERVICE, "accepted"),
        (doubted(KEY), Stage.UNSURE, "nobody knows whether it was accepted, looked up"),
        (completed(KEY), Stage.DOWNLOADING, "made"),
        (Received(key=KEY, bytes=2**20, total=2**22), Stage.DOWNLOADING, "downloading 1.0 MiB of 4.0"),
        (Received(key=KEY, bytes=2**20), Stage.DOWNLOADING, "downloading 1.0 MiB"),
    ],
)
def test_a_job_under_way_is_told_with_what_it_is_in(event: Event, stage: Stage, phase: str) -> None:
    [active] = progress(event).glance(3.0).active

    assert (active.key, active.stage, active.phase, active.seconds) == (KEY, stage, phase, 2.0)


@pytest.mark.parametrize(
    ("event", "stage"),
    [
        (done(KEY), Stage.DONE),
        (Moved(key=KEY, origin=Key("old#1"), output="x.mp4"), Stage.DONE),
        (Restored(key=KEY, spec=SpecHash("v1:x"), output="x.mp4"), Stage.DONE),
        (failed(KEY), Stage.FAILED),
        (Lost(key=KEY, why="link dead"), Stage.LOST),
        (Held(key=KEY, why="budget"), Stage.HELD),
        (Cleared(key=KEY, why="busy"), Stage.TO_SEND),
        (Told(level="note", message="x"), Stage.TO_SEND),
        (Opened(key=KEY, spec=SpecHash("v1:x"), parts=("a", "-", "b", "-"), output="x.mp4"), Stage.TO_SEND),
    ],
)
def test_every_end_of_a_job_is_counted(event: Event, stage: Stage) -> None:
    seen = progress(event, jobs=1).glance(1.0)

    assert seen.stages == {stage: 1}
    assert seen.active == ()


def test_a_job_that_failed_and_was_tried_again_is_counted_once_and_no_failure_any_more() -> None:
    seen = progress(intended(KEY), failed(KEY), intended(KEY)).glance(4.0)

    assert seen.stages == {Stage.TO_SEND: 3, Stage.SENDING: 1}
    assert seen.failures == ()


def test_the_last_failures_are_told_the_latest_first() -> None:
    seen = progress(*(failed(Key(f"hero#{number}"), f"because {number}") for number in range(1, 5))).glance(5.0)

    assert seen.failures == tuple((Key(f"hero#{number}"), f"rejected: because {number}") for number in (4, 3, 2))
    assert len(seen.failures) == FAILURE_ROWS


def test_a_job_that_the_plan_does_not_name_is_counted_too() -> None:
    seen = progress(submitted(Key("other#1"))).glance(1.0)

    assert (seen.jobs, seen.under_way) == (5, 1)


def test_nothing_is_guessed_before_jobs_of_that_kind_went_all_the_way() -> None:
    seen = progress(*made(KEY), jobs=20)

    assert seen.glance(5.0).left is None

    for number in (2, 3):
        for event in made(Key(f"hero#{number}")):
            seen.see(event, 10.0 + number)

    assert seen.glance(13.0).left is not None


def test_a_kind_that_was_never_seen_leaves_the_time_unknown() -> None:
    seen = progress(*made(KEY), jobs=1)
    assert seen.glance(5.0).left == 0.0

    seen.add(Key("pour#1"), ("pro", 10))

    assert seen.glance(5.0).left is None


def test_the_time_left_is_what_the_window_lets_through_at_the_durations_seen() -> None:
    seen = progress(jobs=7, in_flight=2)
    for number in (1, 2, 3):
        seen.see(intended(Key(f"hero#{number}")), 0.0)
        seen.see(done(Key(f"hero#{number}")), 60.0)

    # four jobs of 60 s, two at a time
    assert seen.glance(60.0).left == pytest.approx(4 * 60 / 2)


def test_the_time_left_goes_by_the_submits_that_the_service_bears() -> None:
    seen = progress(jobs=63, in_flight=100)
    for number in (1, 2, 3):
        seen.see(intended(Key(f"hero#{number}")), 0.0)
        seen.see(submitted(Key(f"hero#{number}")), 1.0)
        seen.see(done(Key(f"hero#{number}")), 10.0)

    # 3 submits in a minute: the 60 that are left take 20 minutes, and the last one 10 s more
    assert seen.glance(60.0).left == pytest.approx(20 * 60 + 10)


def test_a_job_that_takes_longer_than_the_others_leaves_nothing_to_guess() -> None:
    seen = progress(jobs=2)
    for event in made(KEY):
        seen.see(event, 5.0)
    seen.see(intended(Key("hero#2")), 5.0)

    assert seen.glance(500.0).left == 0.0


def test_what_earlier_runs_sent_teaches_no_durations(make_change: MakeChange, make_record: MakeRecord) -> None:
    resumed = [make_change(Action.RESUME, take=n, record=make_record(State.SUBMITTED)) for n in range(1, 9)]
    seen = begun(plan_of(resumed), 0.0)
    for change in resumed[:7]:
        seen.see(done(change.key), 1.0)

    assert seen.glance(1.0).left is None


def test_submits_and_looks_are_told_for_a_minute_and_forgotten_after_it() -> None:
    seen = progress()
    for second in range(1, 31):
        seen.see(submitted(KEY), float(second))
        seen.see(looked(KEY), float(second))
        seen.see(looked(KEY), float(second))

    assert (seen.glance(30.0).submits, seen.glance(30.0).looks) == (60, 120)
    assert (seen.glance(60.0).submits, seen.glance(60.0).looks) == (30, 60)
    assert (seen.glance(100.0).submits, seen.glance(100.0).looks) == (0, 0)


def test_a_run_begins_with_what_earlier_runs_have_in_flight(make_change: MakeChange, make_record: MakeRecord) -> None:
    record = make_record(State.SUBMITTED)
    changes = [
        make_change(Action.RESUME, record=record),
        make_change(Action.FETCH, take=2, record=record),
        make_change(Action.UNSURE, take=3, record=make_record(State.UNSURE)),
        make_change(Action.KEEP, take=4, record=make_record(State.DONE)),
        make_change(Action.MOVE, take=5, record=make_record(State.DONE)),
    ]

    seen = begun(plan_of(changes), 0.0).glance(1.0)

    assert work_of(changes) == tuple(change for change in changes if change.action is not Action.KEEP)
    assert seen.stages == {Stage.AT_SERVICE: 1, Stage.DOWNLOADING: 1, Stage.UNSURE: 1, Stage.TO_SEND: 1}
    assert seen.committed == Sum(usd=Decimal("0.552"))
    assert seen.spent == Sum(usd=Decimal(0))


def test_ten_thousand_jobs_are_glanced_at_without_being_counted_through(make_change: MakeChange) -> None:
    changes = [make_change(Action.CREATE, take=number) for number in range(1, 10_001)]
    seen = begun(plan_of(changes, RunSettings(in_flight=10_000)), 0.0)
    for change in changes:
        for event in (intended(change.key), submitted(change.key), looked(change.key)):
            seen.see(event, 1.0)
    lines = []
    sys.setprofile(lambda frame, event, _: lines.append(frame.f_code.co_name) if event == "call" else None)

    glance = seen.glance(2.0)

    sys.setprofile(None)
    assert (glance.jobs, glance.under_way, len(glance.active)) == (10_000, 10_000, ACTIVE_ROWS)
    assert len(lines) < 100
    for change in changes:
        seen.see(completed(change.key), 3.0)
        seen.see(done(change.key), 3.0)
    assert seen.glance(4.0).stages == {Stage.DONE: 10_000}
    assert seen.glance(4.0).spent == Sum(usd=Decimal("1840.000"))


USD = st.none() | st.decimals(min_value=0, max_value=2, places=3)
KEYS = st.sampled_from([Key(f"hero#{number}") for number in range(1, 6)])
EVENTS = st.one_of(
    st.builds(intended, KEYS, USD),
    st.builds(Cleared, key=KEYS, why=st.just("x")),
    st.builds(submitted, KEYS),
    st.builds(looked, KEYS),
    st.builds(doubted, KEYS),
    st.builds(completed, KEYS, USD),
    st.builds(Received, key=KEYS, bytes=st.just(1)),
    st.builds(done, KEYS),
    st.builds(failed, KEYS, st.just("x"), USD),
    st.builds(Lost, key=KEYS, why=st.just("x")),
    st.builds(Held, key=KEYS, why=st.just("x")),
    st.builds(Restored, key=KEYS, spec=st.just(SpecHash("v1:x")), output=st.just("x")),
    st.builds(Told, level=st.just("note"), message=st.just("x")),
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 100)), max_size=40))
def test_in_any_order_of_events_the_stages_sum_up_to_the_jobs(events: list[tuple[Event, float]]) -> None:
    seen, now = progress(jobs=3), 0.0
    for event, pause in events:
        now += pause
        seen.see(event, now)
        glance = seen.glance(now)

        assert sum(glance.stages.values()) == glance.jobs
        assert all(number > 0 for number in glance.stages.values())
        assert glance.left is None or glance.left >= 0
        assert min(glance.submits, glance.looks) >= 0
        assert len(glance.active) == min(ACTIVE_ROWS, glance.under_way)


@given(st.lists(EVENTS, max_size=40), USD)
def test_in_any_order_of_events_no_money_is_negative_and_none_that_was_spent_comes_back(
    events: list[Event], usd: Decimal | None
) -> None:
    seen = progress()
    seen.spending = Spending(earlier={KEY: usd})
    before = Decimal(0)
    for event in events:
        seen.see(event, 1.0)
        glance = seen.glance(1.0)

        assert min(glance.committed.usd, glance.committed.unknown, glance.spent.unknown) >= 0
        assert glance.spent.usd >= before
        before = glance.spent.usd
    if not any(isinstance(event, Intended) for event in events):
        assert before == 0
