"""The lifecycle table: its laws over any sequence of answers, and each row that a reader would ask about."""

from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.api.answers import (
    Absent,
    Accepted,
    Billing,
    Completed,
    Fault,
    FaultKind,
    LinkDead,
    Running,
    TaskFailed,
)
from kling_batch.events import Cleared, Done, Doubted, Failed, Failure, Lost, Submitted
from kling_batch.events import Completed as CompletedFact
from kling_batch.job import Key, TaskId
from kling_batch.run.lifecycle import (
    AUTH_LOOKS,
    BODY_TRIES,
    DOUBTS,
    EMPTY_LOOKS,
    FETCH_TRIES,
    LINK_TRIES,
    SETTLING,
    UNSENT_TRIES,
    step,
    told,
)
from kling_batch.run.ports import Broken, Brought, Damaged, InTheWay, NoVideo
from kling_batch.run.states import (
    Answer,
    Contested,
    Dead,
    Doubtful,
    Fetch,
    Fetching,
    Final,
    Finished,
    Gone,
    Left,
    Look,
    LookUp,
    Policy,
    Ready,
    Rest,
    Stop,
    Submit,
    Unsettled,
    Waiting,
)

KEY = Key("hero#1")
TASK = TaskId("tsk_vid_1")
TRANSIENT = Failure(kind="transient", code="generation_failed", message="upstream")
REJECTED = Failure(kind="rejected", code="generation_failed", message="content policy")
VIDEO = Completed(task=TASK, urls=("https://files.example/1.mp4",), expires=99)
HOME = Brought(done=Done(key=KEY, output="hero/t1.mp4", sha256="ab", bytes=3))
FINALS = get_args(Final)


def policy(**changes: object) -> Policy:
    known: dict[str, object] = {
        "key": KEY,
        "age": 10.0,
        "deadline": 1200.0,
        "settle": 60.0,
        "last_attempt": 3,
        "proven": False,
    }
    return Policy(**(known | changes))  # type: ignore[arg-type]  # a table of keyword arguments


faults = st.builds(
    Fault,
    kind=st.sampled_from(FaultKind),
    status=st.sampled_from([0, 200, 400, 401, 404, 429, 500, 503]),
    wait=st.one_of(st.none(), st.floats(0, 600)),
)
tasks = st.sampled_from([TASK, TaskId("tsk_vid_2")])
answers: st.SearchStrategy[Answer] = st.one_of(
    faults,
    st.builds(Accepted, task=tasks),
    st.builds(Running, task=st.one_of(st.none(), tasks), status=st.just("queued")),
    st.builds(Completed, task=st.one_of(st.none(), tasks), urls=st.sampled_from([(), ("https://f.example/1",)])),
    st.builds(
        TaskFailed,
        task=tasks,
        failure=st.sampled_from([TRANSIENT, REJECTED]),
        billing=st.sampled_from([None, Billing(usd=Decimal(1)), Billing(refunded=True)]),
    ),
    st.just(Absent()),
    st.builds(LinkDead, status=st.sampled_from([403, 404, 410])),
    st.just(HOME),
    st.just(Broken(why="cut")),
    st.just(NoVideo(why="html")),
    st.just(Damaged(failure=REJECTED)),
    st.just(InTheWay(why="a file")),
    st.just(Stop(why="enough")),
    st.just(Contested(task=TASK)),
)
policies = st.builds(
    policy,
    age=st.sampled_from([0.0, 60.0, 130.0, 5000.0]),
    proven=st.booleans(),
    edited=st.booleans(),
    expired=st.booleans(),
    dice=st.floats(0, 1),
)


@given(st.lists(st.tuples(answers, policies), max_size=40))
def test_no_sequence_of_answers_raises_or_leaves_a_final_state(script: list[tuple[Answer, Policy]]) -> None:
    state = Ready(attempt=1)

    for answer, circumstances in script:
        after, fact, command = step(state, answer, circumstances)

        if isinstance(state, FINALS):
            assert (after, fact, command) == (state, None, Rest())
        assert isinstance(command, Rest) == isinstance(after, FINALS) or (after == state and isinstance(after, Ready))
        state = after  # type: ignore[assignment]  # the variable walks through every state


@given(st.lists(st.tuples(answers, policies), max_size=60))
def test_a_submit_is_repeated_only_if_nothing_was_made_or_absence_was_proven(
    script: list[tuple[Answer, Policy]],
) -> None:
    state, in_doubt, resends = Ready(attempt=1), False, 0

    for answer, circumstances in script:
        before, (state, _, command) = state, step(state, answer, circumstances)  # type: ignore[assignment]  # as above
        if isinstance(before, Ready) and isinstance(state, Doubtful):
            in_doubt = True
        if isinstance(command, Submit) and isinstance(before, Doubtful):
            assert isinstance(answer, Absent)
            assert circumstances.proven
            assert in_doubt
            resends += 1
        if isinstance(command, Submit) and isinstance(before, Waiting):
            assert isinstance(answer, TaskFailed)
            assert state.attempt == before.attempt + 1
            resends = 0

        assert resends <= 1


@given(policies, faults)
def test_a_look_that_goes_wrong_never_fails_a_job(circumstances: Policy, fault: Fault) -> None:
    after, fact, _ = step(Waiting(attempt=1, task=TASK), fault, circumstances)

    assert isinstance(after, Waiting | Left)
    assert fact is None


def test_an_accepted_submit_is_recorded_and_then_looked_at() -> None:
    after = step(Ready(attempt=1), Accepted(task=TASK), policy())

    assert after == (Waiting(attempt=1, task=TASK), Submitted(key=KEY, task=TASK), Look())


@pytest.mark.parametrize("kind", [FaultKind.RATE, FaultKind.BUSY])
def test_a_throttled_submit_is_sent_again_after_the_wait_that_was_told(kind: FaultKind) -> None:
    after, fact, command = step(Ready(attempt=1), Fault(kind=kind, status=429, wait=30.0), policy())

    assert after == Ready(attempt=1, tries=1)
    assert isinstance(fact, Cleared)
    assert command == Submit(after=30.0)


def test_a_submit_that_never_left_is_tried_again_a_few_times_and_then_left_pending() -> None:
    state = Ready(attempt=1)

    for tries in range(1, UNSENT_TRIES):
        after, fact, command = step(state, Fault(kind=FaultKind.UNSENT), policy())
        assert after == Ready(attempt=1, tries=tries)
        assert fact == Cleared(key=KEY, why="no answer")
        assert isinstance(command, Submit)
        state = Ready(attempt=1, tries=tries)
    last, _, _ = step(state, Fault(kind=FaultKind.UNSENT), policy())

    assert isinstance(last, Left)


@pytest.mark.parametrize("kind", [FaultKind.AUTH, FaultKind.BALANCE, FaultKind.CONFIGURATION])
def test_an_account_fault_leaves_the_job_pending(kind: FaultKind) -> None:
    after, fact, command = step(Ready(attempt=2), Fault(kind=kind, status=402, message="no money"), policy())

    assert after == Left(why="HTTP 402: no money")
    assert fact == Cleared(key=KEY, why="HTTP 402: no money")
    assert command == Rest()


def test_a_refused_submit_is_final_and_costs_nothing() -> None:
    after, fact, _ = step(Ready(attempt=1), Fault(kind=FaultKind.REFUSED, status=422, failure=REJECTED), policy())

    assert after == Dead(failure=REJECTED)
    assert fact == Failed(key=KEY, failure=REJECTED, usd=Decimal(0))


def test_an_unclear_submit_is_looked_up_at_a_twelfth_a_quarter_a_half_and_all_of_settle() -> None:
    unclear = Fault(kind=FaultKind.UNCLEAR, status=500, evidence="{}")

    after, fact, command = step(Ready(attempt=1), unclear, policy(settle=60.0))
    waits = [command]
    state = after
    for _ in range(3):
        state, _, command = step(state, Absent(), policy(proven=True, settle=60.0))
        waits.append(command)

    assert isinstance(fact, Doubted)
    assert fact.evidence == "{}"
    assert waits == [LookUp(after=5.0), LookUp(after=10.0), LookUp(after=15.0), LookUp(after=30.0)]


def test_a_task_found_by_look_up_is_adopted_and_looked_at_once_more_by_its_own_id() -> None:
    found = Running(task=TASK, status="in_progress")

    after = step(Doubtful(attempt=1, looked=2), found, policy())

    assert after == (Waiting(attempt=1, task=TASK), Submitted(key=KEY, task=TASK), Look(after=0.0))


def test_look_ups_that_go_wrong_leave_a_job_unsure_after_a_while() -> None:
    lost = Fault(kind=FaultKind.UNCLEAR, message="timeout")

    again, _, command = step(Doubtful(attempt=1), lost, policy())
    given_up, _, _ = step(Doubtful(attempt=1, faults=DOUBTS - 1), lost, policy())

    assert again == Doubtful(attempt=1, faults=1)
    assert isinstance(command, LookUp)
    assert isinstance(given_up, Unsettled)


def test_absence_proves_nothing_where_look_up_is_not_proven() -> None:
    after, fact, command = step(Doubtful(attempt=1), Absent(), policy(proven=False))

    assert isinstance(after, Unsettled)
    assert after.revivable
    assert (fact, command) == (None, Rest())


def test_proven_absence_allows_one_resend_under_the_same_attempt() -> None:
    last = len(SETTLING) - 1

    once = step(Doubtful(attempt=2, looked=last), Absent(), policy(proven=True))
    twice, _, _ = step(Doubtful(attempt=2, looked=last, resent=True), Absent(), policy(proven=True))

    assert once == (Ready(attempt=2, resent=True), None, Submit())
    assert isinstance(twice, Unsettled)


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.UNCLEAR])
def test_what_refuses_a_second_submit_says_nothing_of_the_first(kind: FaultKind) -> None:
    refused = Fault(kind=kind, status=422, code="no", message="not this", failure=REJECTED)

    after, fact, command = step(Ready(attempt=2, resent=True), refused, policy(proven=True))
    late, _, _ = step(Ready(attempt=2, resent=True, tries=99), refused, policy(proven=True, age=1200.0))
    stopped = step(Ready(attempt=2, resent=True), Stop(why="interrupted"), policy(proven=True))

    assert fact == Doubted(key=KEY, why="HTTP 422: not this", evidence="no")
    assert after == Ready(attempt=2, resent=True, tries=1) or isinstance(after, Unsettled)
    assert isinstance(command, Submit if isinstance(after, Ready) else Rest)
    assert isinstance(late, Unsettled)
    assert stopped == (Unsettled(attempt=2, why="interrupted"), None, Rest())


def test_a_job_that_was_edited_since_is_never_sent_in_the_place_of_the_old_one() -> None:
    last = len(SETTLING) - 1

    after, _, _ = step(Doubtful(attempt=1, looked=last), Absent(), policy(proven=True, edited=True))

    assert isinstance(after, Unsettled)
    assert not after.revivable


def test_a_task_of_another_job_is_never_adopted() -> None:
    submitted, fact, _ = step(Ready(attempt=1), Contested(task=TASK), policy())
    looked_up, _, _ = step(Doubtful(attempt=1), Contested(task=TASK), policy(proven=True))

    assert isinstance(submitted, Unsettled)
    assert isinstance(fact, Doubted)
    assert isinstance(looked_up, Unsettled)


def test_a_running_task_is_looked_at_again_until_the_deadline_and_then_left_as_it_is() -> None:
    again = step(Waiting(attempt=1, task=TASK, faults=2), Running(task=TASK, status="queued"), policy())
    late, fact, _ = step(Waiting(attempt=1, task=TASK), Running(task=TASK, status="queued"), policy(age=1200.0))

    assert again == (Waiting(attempt=1, task=TASK), None, Look())
    assert (late, fact) == (Left(why="still running at the deadline"), None)


def test_a_transient_failure_that_cost_nothing_is_tried_again_under_the_next_attempt() -> None:
    failed = TaskFailed(task=TASK, failure=TRANSIENT, billing=Billing(refunded=True))

    after, fact, command = step(Waiting(attempt=1, task=TASK), failed, policy())

    assert after == Ready(attempt=2)
    assert fact == Failed(key=KEY, failure=TRANSIENT, usd=Decimal(0))
    assert isinstance(command, Submit)


@pytest.mark.parametrize(
    ("failure", "billing", "attempt"),
    [
        (TRANSIENT, Billing(usd=Decimal("0.184")), 1),
        (TRANSIENT, None, 3),
        (REJECTED, None, 1),
    ],
    ids=["settled above zero", "no attempts left", "rejected"],
)
def test_other_failures_are_final(failure: Failure, billing: Billing | None, attempt: int) -> None:
    answer = TaskFailed(task=TASK, failure=failure, billing=billing)

    after, fact, _ = step(Waiting(attempt=attempt, task=TASK), answer, policy())

    assert after == Dead(failure=failure)
    assert isinstance(fact, Failed)
    assert fact.usd == (billing.usd if billing else None)


def test_a_completed_task_is_recorded_with_its_expiry_and_cost_and_then_fetched() -> None:
    answer = Completed(task=TASK, urls=VIDEO.urls, expires=99, billing=Billing(usd=Decimal("0.184")))

    after, fact, command = step(Waiting(attempt=1, task=TASK), answer, policy())

    assert after == Fetching(attempt=1, task=TASK, urls=VIDEO.urls, expires=99)
    assert fact == CompletedFact(key=KEY, task=TASK, expires=99, usd=Decimal("0.184"))
    assert command == Fetch()


def test_a_completed_task_without_a_file_is_looked_at_again_and_then_left() -> None:
    empty = Completed(task=TASK, urls=())

    again, _, command = step(Waiting(attempt=1, task=TASK), empty, policy())
    left, _, _ = step(Waiting(attempt=1, task=TASK, empty=EMPTY_LOOKS - 1), empty, policy())
    late, _, _ = step(Waiting(attempt=1, task=TASK), empty, policy(age=1200.0))

    assert again == Waiting(attempt=1, task=TASK, empty=1)
    assert isinstance(command, Look)
    assert isinstance(left, Left)
    assert isinstance(late, Left)


@pytest.mark.parametrize(
    "answer", [Completed(task=TASK, urls=()), Absent(), Fault(kind=FaultKind.UNCLEAR, status=500)], ids=repr
)
def test_no_look_waits_past_the_deadline(answer: Answer) -> None:
    waiting = Waiting(attempt=1, task=TASK, empty=3, faults=3)

    _, _, command = step(waiting, answer, policy(age=59.5, deadline=60.0))

    assert command == Look(after=0.5)


def test_an_unknown_task_is_waited_for_while_it_is_young_and_never_bought_again() -> None:
    young = step(Waiting(attempt=1, task=TASK), Absent(), policy(age=60.0))
    old, fact, _ = step(Waiting(attempt=1, task=TASK), Absent(), policy(age=121.0))

    assert young[0] == Waiting(attempt=1, task=TASK)
    assert isinstance(young[2], Look)
    assert isinstance(old, Left)
    assert old.blocked
    assert fact is None


def test_a_key_that_is_refused_on_every_look_leaves_the_task_for_a_later_run() -> None:
    answer = Fault(kind=FaultKind.AUTH, status=401, message="bad key")

    after, _, _ = step(Waiting(attempt=1, task=TASK, faults=AUTH_LOOKS - 1), answer, policy())

    assert after == Left(why="HTTP 401: bad key")


def test_a_video_that_is_home_finishes_the_job() -> None:
    after = step(Fetching(attempt=1, task=TASK, urls=VIDEO.urls), HOME, policy())

    assert after == (Finished(), HOME.done, Rest())


def test_a_dead_link_is_asked_for_anew_and_lost_only_after_its_time() -> None:
    fetching = Fetching(attempt=1, task=TASK, urls=VIDEO.urls)
    last = Fetching(attempt=1, task=TASK, urls=VIDEO.urls, refused=LINK_TRIES - 1)

    fresh, _, command = step(fetching, LinkDead(status=403), policy())
    alive, _, _ = step(last, LinkDead(status=403), policy(expired=False))
    gone, fact, _ = step(last, LinkDead(status=403), policy(expired=True))

    assert fresh == Waiting(attempt=1, task=TASK, refused=1)
    assert isinstance(command, Look)
    assert isinstance(alive, Left)
    assert isinstance(gone, Gone)
    assert isinstance(fact, Lost)


def test_a_broken_download_is_resumed_and_at_last_left_for_a_later_run() -> None:
    fetching = Fetching(attempt=1, task=TASK, urls=VIDEO.urls)
    last = Fetching(attempt=1, task=TASK, urls=VIDEO.urls, broken=FETCH_TRIES - 1)

    again, _, command = step(fetching, Broken(why="cut"), policy())
    left, fact, _ = step(last, Broken(why="cut"), policy())

    assert again == Fetching(attempt=1, task=TASK, urls=VIDEO.urls, broken=1)
    assert isinstance(command, Fetch)
    assert (left, fact) == (Left(why="cut"), None)


def test_a_body_that_is_no_video_is_fetched_three_times_and_a_damaged_one_fails_the_job() -> None:
    last = Fetching(attempt=1, task=TASK, urls=VIDEO.urls, bodies=BODY_TRIES - 1)

    again, _, _ = step(Fetching(attempt=1, task=TASK, urls=VIDEO.urls), NoVideo(why="html"), policy())
    left, _, _ = step(last, NoVideo(why="html"), policy())
    dead, fact, _ = step(last, Damaged(failure=REJECTED), policy())

    assert again == Fetching(attempt=1, task=TASK, urls=VIDEO.urls, bodies=1)
    assert left == Left(why="html")
    assert dead == Dead(failure=REJECTED)
    assert fact == Failed(key=KEY, failure=REJECTED, usd=None)


def test_a_file_in_the_way_blocks_the_job_and_nothing_is_bought_again() -> None:
    after, fact, _ = step(Fetching(attempt=1, task=TASK, urls=VIDEO.urls), InTheWay(why="a file"), policy())

    assert (after, fact) == (Left(why="a file", blocked=True), None)


def test_a_stop_leaves_every_state_as_a_later_run_needs_it() -> None:
    stop = Stop(why="interrupted")

    ready, _, _ = step(Ready(attempt=1), stop, policy())
    doubtful, _, _ = step(Doubtful(attempt=1), stop, policy())
    waiting, _, _ = step(Waiting(attempt=1, task=TASK), stop, policy())
    fetching, _, _ = step(Fetching(attempt=1, task=TASK, urls=VIDEO.urls), stop, policy())

    assert ready == waiting == fetching == Left(why="interrupted")
    assert doubtful == Unsettled(attempt=1, why="interrupted")


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (401, "Authentication failed", "HTTP 401: Authentication failed"),
        (403, "HTTP 403, not JSON: error code: 1010", "HTTP 403, not JSON: error code: 1010"),
        (502, "", "HTTP 502"),
        (None, "connection lost", "no answer: connection lost"),
        (None, "", "no answer"),
    ],
)
def test_a_fault_is_told_with_its_status_once(status: int | None, message: str, words: str) -> None:
    assert told(Fault(kind=FaultKind.UNCLEAR, status=status, message=message)) == words
