"""The run's one door for money: windows, posts, canary, streaks, budgets and what stops it."""

from decimal import Decimal

import pytest

from kling_batch.api.answers import Absent, Accepted, Billing, Completed, Fault, FaultKind, Running, TaskFailed
from kling_batch.events import Done, Failure
from kling_batch.job import Key, TaskId
from kling_batch.manifest.model import RunSettings
from kling_batch.run.gate import Gate, Halt, Verdict
from kling_batch.run.ports import Brought
from kling_batch.run.states import Contested, Dead, Doubtful, Fetching, Finished, Left, Ready, Stop, Unsettled, Waiting

USD = Decimal("0.184")
READY = Ready(attempt=1)
TRANSIENT = Failure(kind="transient", code="generation_failed", message="upstream")


def gate(*, budget: str | None = None, limit: int | None = None, spent: str = "0", **settings: object) -> Gate:
    return Gate(
        settings=RunSettings(**settings),  # type: ignore[arg-type]  # a table of keyword arguments
        spent=Decimal(spent),
        budget=None if budget is None else Decimal(budget),
        limit=limit,
    )


def submit(gate: Gate, key: str, task: str | None = None) -> None:
    gate.posting(Key(key), USD)
    answer = Accepted(task=TaskId(task or key))
    gate.note(Key(key), READY, answer, Waiting(attempt=1, task=answer.task))


def doubt(gate: Gate, key: str) -> None:
    gate.posting(Key(key), USD)
    gate.note(Key(key), READY, Fault(kind=FaultKind.UNCLEAR), Doubtful(attempt=1))


def verdict(gate: Gate) -> Verdict:
    return gate.judge(Key("next"), USD)[0]


def test_the_first_submit_of_a_run_is_alone_on_the_wire() -> None:
    door = gate(posts=4)

    door.posting(Key("a"), USD)
    alone = verdict(door)
    door.note(Key("a"), READY, Accepted(task=TaskId("a")), Waiting(attempt=1, task=TaskId("a")))

    assert (alone, verdict(door)) == (Verdict.WAIT, Verdict.GO)


def test_a_second_submit_under_one_id_that_is_refused_leaves_the_first_one_counted() -> None:
    door = gate(budget="0.20", limit=1)
    doubt(door, "a")
    door.note(Key("a"), Doubtful(attempt=1), Absent(), Ready(attempt=1, resent=True))

    door.posting(Key("a"), USD)
    refused = Fault(kind=FaultKind.REFUSED, status=422)
    door.note(Key("a"), Ready(attempt=1, resent=True), refused, Unsettled(attempt=1, why="refused"))

    assert (door.bought, door.submits, verdict(door)) == (USD, 1, Verdict.NEVER)


def test_a_job_whose_image_is_refused_was_not_sent_and_costs_nothing() -> None:
    door = gate(posts=4, budget="0.20", limit=1)

    door.posting(Key("a"), USD)
    door.note(Key("a"), READY, Stop(why="the service refuses an image", blocked=True), Left(why="an image"))

    assert (door.bought, door.submits, verdict(door)) == (Decimal(0), 0, Verdict.GO)


def test_a_refused_canary_passes_the_role_on() -> None:
    door = gate(posts=4)

    door.posting(Key("a"), USD)
    refused = Fault(kind=FaultKind.REFUSED, failure=TRANSIENT)
    door.note(Key("a"), READY, refused, Dead(failure=TRANSIENT))
    door.posting(Key("b"), USD)

    assert verdict(door) is Verdict.WAIT


def test_an_unsure_canary_is_settled_before_anything_else_goes_out() -> None:
    door = gate(posts=4)

    doubt(door, "a")
    before = verdict(door)
    door.note(Key("a"), Doubtful(attempt=1), Absent(), Unsettled(attempt=1, why=""))

    assert (before, verdict(door)) == (Verdict.WAIT, Verdict.GO)


def test_no_more_posts_are_on_the_wire_than_the_manifest_allows() -> None:
    door = gate(posts=2)
    submit(door, "canary")

    door.posting(Key("a"), USD)
    one = verdict(door)
    door.posting(Key("b"), USD)

    assert (one, verdict(door)) == (Verdict.GO, Verdict.WAIT)


def test_a_task_takes_a_place_in_the_window_until_it_is_final() -> None:
    door = gate(in_flight=1)

    submit(door, "a")
    full = verdict(door)
    done = Brought(done=Done(key=Key("a"), output="a.mp4", sha256="", bytes=1))
    door.note(Key("a"), Fetching(attempt=1, task=TaskId("a"), urls=()), done, Finished())

    assert (full, verdict(door)) == (Verdict.WAIT, Verdict.GO)


def test_a_task_of_an_earlier_run_takes_a_place_too() -> None:
    door = gate(in_flight=1)

    door.resumed(Key("a"))
    full = verdict(door)
    door.note(Key("a"), Waiting(attempt=1, task=TaskId("a")), Running(task=None, status=""), Left(why="deadline"))

    assert (full, verdict(door)) == (Verdict.WAIT, Verdict.GO)


def test_too_many_halves_the_window_and_successes_grow_it_again() -> None:
    door = gate(in_flight=8)
    for name in "abcd":
        submit(door, name)

    door.posting(Key("e"), USD)
    door.note(Key("e"), READY, Fault(kind=FaultKind.BUSY), READY)
    halved = door.window
    for name in "abcd":
        state = Fetching(attempt=1, task=TaskId(name), urls=())
        done = Brought(done=Done(key=Key(name), output="a.mp4", sha256="", bytes=1))
        door.note(Key(name), state, done, Finished())

    assert halved == 2.0
    assert 3.0 < door.window < 8.0


@pytest.mark.parametrize(("spent", "now"), [("0.80", Verdict.GO), ("0.82", Verdict.NEVER)])
def test_the_campaign_budget_counts_what_all_records_cost(spent: str, now: Verdict) -> None:
    door = gate(spent=spent, budget=None)
    door.settings = RunSettings(budget=Decimal("1.00"))

    assert verdict(door) is now


def test_the_invocation_budget_counts_every_submit_and_gives_back_what_made_nothing() -> None:
    door = gate(budget="0.40")

    submit(door, "a")
    door.posting(Key("b"), USD)
    full = verdict(door)
    door.note(Key("b"), READY, Fault(kind=FaultKind.RATE), READY)

    assert (full, verdict(door)) == (Verdict.NEVER, Verdict.GO)
    assert door.bought == USD


def test_an_unknown_price_never_fits_a_budget() -> None:
    now, why = gate(budget="40").judge(Key("next"), None)

    assert now is Verdict.NEVER
    assert "unknown" in why


def test_an_unknown_price_may_go_out_where_no_budget_is_set() -> None:
    assert gate().judge(Key("next"), None)[0] is Verdict.GO


def test_what_billing_says_takes_the_place_of_what_was_expected() -> None:
    door = gate()
    submit(door, "a")

    billed = Completed(task=TaskId("a"), urls=("u",), billing=Billing(usd=Decimal("0.2")))
    fetching = Fetching(attempt=1, task=TaskId("a"), urls=("u",))
    door.note(Key("a"), Waiting(attempt=1, task=TaskId("a")), billed, fetching)

    assert door.spent == Decimal("0.2")


def test_a_failed_attempt_counts_until_billing_says_refunded() -> None:
    door = gate()
    submit(door, "a")
    submit(door, "b")

    silent = TaskFailed(task=TaskId("a"), failure=TRANSIENT)
    refunded = TaskFailed(task=TaskId("b"), failure=TRANSIENT, billing=Billing(refunded=True))
    door.note(Key("a"), Waiting(attempt=1, task=TaskId("a")), silent, Ready(attempt=2))
    door.note(Key("b"), Waiting(attempt=1, task=TaskId("b")), refunded, Ready(attempt=2))
    door.posting(Key("a"), USD)

    assert door.spent == 2 * USD


def test_the_limit_counts_submits_and_not_those_that_made_nothing() -> None:
    door = gate(limit=1)

    door.posting(Key("a"), USD)
    door.note(Key("a"), READY, Fault(kind=FaultKind.RATE), READY)
    again = verdict(door)
    submit(door, "a")

    assert (again, verdict(door)) == (Verdict.GO, Verdict.NEVER)


def test_failures_in_a_row_stop_submitting_and_a_success_breaks_the_row() -> None:
    door = gate(max_failures=2)
    waiting = Waiting(attempt=1, task=TaskId("a"))
    failed = TaskFailed(task=TaskId("a"), failure=TRANSIENT)
    done = Brought(done=Done(key=Key("a"), output="a.mp4", sha256="", bytes=1))

    door.note(Key("a"), waiting, failed, Dead(failure=TRANSIENT))
    door.note(Key("b"), Fetching(attempt=1, task=TaskId("b"), urls=()), done, Finished())
    door.note(Key("c"), waiting, failed, Dead(failure=TRANSIENT))
    broken = bool(door.halts)
    door.note(Key("d"), waiting, failed, Dead(failure=TRANSIENT))

    assert (broken, dict(door.halts)) == (False, {Halt.CAPPED: "2 jobs failed in a row"})


def test_three_unsure_in_a_row_pause_submitting_and_stop_it_only_if_all_three_are_left_unsure() -> None:
    settled, left = gate(), gate()
    for door in (settled, left):
        submit(door, "canary")
        for name in "abc":
            doubt(door, name)
    paused = verdict(settled)

    for name in "abc":
        adopted = Waiting(attempt=1, task=TaskId(name))
        settled.note(Key(name), Doubtful(attempt=1), Running(task=TaskId(name), status=""), adopted)
        left.note(Key(name), Doubtful(attempt=1), Absent(), Unsettled(attempt=1, why=""))

    assert paused is Verdict.WAIT
    assert verdict(settled) is Verdict.GO
    assert left.halts == {Halt.HUMAN: "3 submits in a row are left unsure"}


@pytest.mark.parametrize("kind", [FaultKind.AUTH, FaultKind.BALANCE, FaultKind.CONFIGURATION])
def test_the_account_stops_the_run_and_not_the_job(kind: FaultKind) -> None:
    door = gate()

    door.posting(Key("a"), USD)
    door.note(Key("a"), READY, Fault(kind=kind, status=402, message="no money"), Left(why=""))

    assert list(door.halts) == [Halt.ACCOUNT]
    assert door.halts[Halt.ACCOUNT].startswith("HTTP 402: no money; ")
    assert door.halts[Halt.ACCOUNT].endswith(" and run again")
    assert door.judge(Key("next"), USD) == (Verdict.NEVER, door.halts[Halt.ACCOUNT])
    assert door.bought == 0


def test_a_key_refused_on_a_look_stops_submitting_as_well() -> None:
    door = gate()
    waiting = Waiting(attempt=1, task=TaskId("a"))

    door.note(Key("a"), waiting, Fault(kind=FaultKind.AUTH, status=401), waiting)

    assert Halt.ACCOUNT in door.halts


def test_a_service_that_cannot_be_reached_is_a_wrong_address_at_first_and_a_lost_line_later() -> None:
    at_first, later = gate(), gate()
    submit(later, "canary")

    for door in (at_first, later):
        door.posting(Key("a"), USD)
        door.note(Key("a"), READY, Fault(kind=FaultKind.UNSENT, message="refused"), Left(why=""))

    assert (list(at_first.halts), list(later.halts)) == ([Halt.ACCOUNT], [Halt.CAPPED])


def test_a_task_of_another_job_stops_the_run_for_a_human() -> None:
    door = gate()

    door.posting(Key("a"), USD)
    door.note(Key("a"), READY, Contested(task=TaskId("b")), Unsettled(attempt=1, why=""))

    assert Halt.HUMAN in door.halts
