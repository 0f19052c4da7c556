from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from kling_batch.events import (
    Cleared,
    Completed,
    Doubted,
    Fact,
    Failed,
    Failure,
    LookUpJudged,
    Lost,
    Moved,
    Opened,
    Restored,
    Submitted,
)
from kling_batch.job import Job
from kling_batch.plan.effects import apply
from kling_batch.plan.record import Record, State, committed

Jobs = Callable[..., Job]
Stories = Callable[[Job], Any]
Tell = Callable[..., Record]


@pytest.fixture
def tell() -> Tell:
    def fold(*facts: Fact, record: Record | None = None) -> Record | None:
        for fact in facts:
            once = apply(record, fact)
            record = apply(once, fact)
            assert record == once, f"{fact} twice in a row is not the same as once"
        return record

    return fold


def test_an_opened_job_stands_in_the_lock_and_nothing_was_sent(tell: Tell, job: Jobs, story: Stories) -> None:
    record = tell(story(job()).opened())

    assert (record.state, record.business_id, record.spent) == (State.PENDING, None, None)
    assert record.is_blank


def test_opening_again_takes_the_new_spec_and_path_of_a_blank_record(tell: Tell, job: Jobs, story: Stories) -> None:
    before, after = story(job()), story(job(prompt="a pot", output="pots/t1.mp4"))

    record = tell(before.opened(), after.opened())

    assert (record.spec, record.output) == (after.job.spec.hash, "pots/t1.mp4")


def test_opening_again_takes_the_new_path_of_the_same_spec(tell: Tell, job: Jobs, story: Stories) -> None:
    record = tell(story(job()).opened(), story(job(output="pots/t1.mp4")).opened())

    assert record.output == "pots/t1.mp4"


def test_opening_leaves_alone_what_was_bought(tell: Tell, job: Jobs, story: Stories) -> None:
    bought = tell(*story(job()).bought())

    assert tell(story(job(prompt="a pot")).opened(), record=bought) == bought


def test_opening_leaves_alone_a_cleared_retry(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())
    cleared = Cleared(key=one.job.key, why="refused")
    retry = tell(one.intended(), one.submitted(), one.failed(), one.intended(attempt=2), cleared)

    assert tell(story(job(prompt="a pot")).opened(), record=retry) == retry


def test_an_intent_is_unsure_until_it_is_answered(tell: Tell, job: Jobs, story: Stories) -> None:
    record = tell(story(job()).opened(), story(job()).intended())

    assert (record.state, record.spent) == (State.UNSURE, Decimal("0.184"))
    assert record.is_in_flight


def test_a_cleared_intent_is_pending_under_the_same_id(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(generation=2), Cleared(key=one.job.key, why="429"))

    assert (record.state, record.spent, record.generation) == (State.PENDING, None, 2)
    assert record.business_id == one.intended(generation=2).business_id


def test_a_word_about_the_intent_comes_too_late_once_there_is_a_task(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())
    submitted = tell(one.intended(), one.submitted())

    assert tell(Cleared(key=one.job.key, why="429"), record=submitted) == submitted
    assert tell(Doubted(key=one.job.key, why="reset"), record=submitted) == submitted


def test_a_doubted_intent_stays_unsure_and_keeps_its_price(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), Doubted(key=one.job.key, why="reset"))

    assert (record.state, record.spent) == (State.UNSURE, Decimal("0.184"))


def test_a_cleared_intent_that_is_doubted_after_all_is_unsure(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), Cleared(key=one.job.key, why="429"), Doubted(key=one.job.key, why="found in a log"))

    assert record.state is State.UNSURE


def test_clearing_what_is_not_unsure_changes_nothing(tell: Tell, job: Jobs, story: Stories) -> None:
    opened = tell(story(job()).opened())

    assert tell(Cleared(key=story(job()).job.key, why="429"), record=opened) == opened


def test_a_completed_task_says_when_its_link_dies_and_what_it_cost(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), one.submitted(), one.completed(expires=99, usd="0.2"))

    assert (record.state, record.expires, record.spent) == (State.SUBMITTED, 99, Decimal("0.2"))


def test_a_silent_bill_leaves_the_price_of_the_intent(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    assert tell(one.intended(), one.submitted(), one.completed()).spent == Decimal("0.184")


@pytest.mark.parametrize("usd", ["-1", "NaN", "Infinity"])
def test_a_bill_that_no_budget_can_trust_was_not_told(usd: str, tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    assert tell(one.intended(), one.submitted(), one.completed(usd=usd)).spent == Decimal("0.184")


def test_a_done_job_has_a_checksum_and_no_link(tell: Tell, job: Jobs, story: Stories) -> None:
    record = tell(*story(job()).bought())

    assert (record.state, record.expires, record.seconds) == (State.DONE, None, 5.04)
    assert record.sha256 == story(job()).done().sha256


def test_a_late_bill_reaches_a_done_job(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(*one.bought(), one.completed(usd="0.3"))

    assert (record.state, record.spent) == (State.DONE, Decimal("0.3"))


def test_a_failed_attempt_counts_until_billing_says_it_was_refunded(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())
    submitted = tell(one.intended(), one.submitted())

    assert tell(one.failed(), record=submitted).spent == Decimal("0.184")
    assert tell(one.failed(usd="0"), record=submitted).spent == 0


def test_a_failed_attempt_that_was_charged_says_so(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), one.submitted(), one.failed(usd="0.184"))

    assert record.charged


def test_a_refused_submit_cost_nothing(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), one.failed("invalid"))

    assert (record.state, record.spent, record.charged) == (State.FAILED, 0, False)


def test_the_attempt_before_stays_with_its_task_and_cost(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), one.submitted("tsk_1"), one.failed(), one.intended(attempt=2), one.submitted("tsk_2"))

    (earlier,) = record.attempts
    assert (earlier.attempt, earlier.task, earlier.spent) == (1, "tsk_1", Decimal("0.184"))
    assert (record.attempt, record.task) == (2, "tsk_2")
    assert committed({one.job.key: record}) == Decimal("0.368")


def test_a_pending_attempt_leaves_nothing_behind(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), Cleared(key=one.job.key, why="429"), one.intended(attempt=2))

    assert record.attempts == ()


def test_a_second_intent_for_an_attempt_with_a_task_keeps_the_task(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), one.submitted("tsk_1"), one.intended())

    assert (record.state, [each.task for each in record.also]) == (State.UNSURE, ["tsk_1"])


def test_a_replayed_submit_takes_its_task_back(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), one.submitted("tsk_1"), one.intended(), one.submitted("tsk_1"))

    assert (record.task, record.also) == ("tsk_1", ())


def test_a_new_generation_keeps_the_old_one_in_the_past(tell: Tell, job: Jobs, story: Stories) -> None:
    old, new = story(job()), story(job(prompt="a pot"))

    record = tell(*old.bought("tsk_1"), new.intended())

    (past,) = record.past
    assert (past.state, past.task, past.spec) == (State.DONE, "tsk_1", old.job.spec.hash)
    assert (record.state, record.spec, record.task) == (State.UNSURE, new.job.spec.hash, None)


def test_a_redo_of_the_same_spec_is_a_new_generation(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(*one.bought("tsk_1"), one.intended(generation=2))

    assert [each.generation for each in record.past] == [1]


def test_what_cost_nothing_is_not_kept_in_the_past(tell: Tell, job: Jobs, story: Stories) -> None:
    refused, cleared = story(job()), story(job(prompt="a pot"))

    record = tell(
        refused.intended(),
        refused.failed("invalid"),
        cleared.intended(),
        Cleared(key=cleared.job.key, why="429"),
        story(job(prompt="a pan")).intended(),
    )

    assert record.past == ()


def test_earlier_attempts_go_to_the_past_with_their_generation(tell: Tell, job: Jobs, story: Stories) -> None:
    old, new = story(job()), story(job(prompt="a pot"))

    record = tell(
        old.intended(),
        old.submitted("tsk_1"),
        old.failed(usd="0"),
        old.intended(attempt=2),
        Cleared(key=old.job.key, why="429"),
        new.intended(),
    )

    (past,) = record.past
    assert [each.task for each in past.attempts] == ["tsk_1"]


def test_a_cleared_redo_is_pending_and_loses_no_past(tell: Tell, job: Jobs, story: Stories) -> None:
    old, new = story(job()), story(job(prompt="a pot"))

    record = tell(*old.bought("tsk_1"), new.intended(), Cleared(key=new.job.key, why="no balance"))

    assert (record.state, record.past[0].task) == (State.PENDING, "tsk_1")
    assert not record.is_blank


def test_opening_a_cleared_redo_with_another_spec_loses_no_past(tell: Tell, job: Jobs, story: Stories) -> None:
    old, new = story(job()), story(job(prompt="a pot"))

    record = tell(
        *old.bought("tsk_1"),
        new.intended(),
        Cleared(key=new.job.key, why="no balance"),
        story(job(prompt="a pan")).opened(),
    )

    assert (record.spec, record.past[0].task) == (job(prompt="a pan").spec.hash, "tsk_1")


def test_the_file_of_the_generation_before_is_told_where_it_lies_now(tell: Tell, job: Jobs, story: Stories) -> None:
    old, new = story(job()), story(job(prompt="a pot"))

    record = tell(*old.bought("tsk_1"), *new.bought("tsk_2", "pot", kept="hero/t1~ab12cd.mp4"))

    assert record.past[0].output == "hero/t1~ab12cd.mp4"


def test_a_file_that_was_not_there_when_it_was_replaced_is_not_kept(tell: Tell, job: Jobs, story: Stories) -> None:
    old, new = story(job()), story(job(prompt="a pot"))

    record = tell(*old.bought("tsk_1"), *new.bought("tsk_2", "pot"))

    assert record.past[0].output is None


def test_a_file_under_another_name_stays_where_it_lies(tell: Tell, job: Jobs, story: Stories) -> None:
    old, new = story(job()), story(job(prompt="a pot", output="pots/t1.mp4"))

    record = tell(*old.bought("tsk_1"), *new.bought("tsk_2", "pot"))

    assert record.past[0].output == "hero/t1.mp4"


def test_a_failure_in_the_past_does_not_take_the_file_of_the_video_before_it(
    tell: Tell, job: Jobs, story: Stories
) -> None:
    old, lost, new = story(job()), story(job(prompt="a pot")), story(job(prompt="a pan"))

    record = tell(
        *old.bought("tsk_1"),
        lost.intended(),
        lost.submitted("tsk_2"),
        lost.failed(),
        *new.bought("tsk_3", "pan", kept="hero/t1~ab12cd.mp4"),
    )

    assert [(each.state, each.output) for each in record.past] == [
        (State.DONE, "hero/t1~ab12cd.mp4"),
        (State.FAILED, "hero/t1.mp4"),
    ]


def test_a_lost_video_keeps_its_task_and_cost(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), one.submitted(), one.completed(), Lost(key=one.job.key, why="410"))

    assert (record.state, record.task, record.spent) == (State.LOST, "tsk_1", Decimal("0.184"))


def test_a_lost_video_with_a_fresh_link_is_fetched_after_all(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), one.submitted(), Lost(key=one.job.key, why="410"), one.completed(expires=2000))

    assert (record.state, record.expires) == (State.SUBMITTED, 2000)


def test_a_moved_record_only_changes_its_path(tell: Tell, job: Jobs, story: Stories) -> None:
    bought = tell(*story(job()).bought())

    moved = tell(Moved(key=story(job("dawn")).job.key, origin=job().key, output="dawn/t1.mp4"), record=bought)

    assert (moved.output, moved.task) == ("dawn/t1.mp4", "tsk_1")


def test_a_restored_generation_is_the_result_again_and_the_replaced_one_is_past(
    tell: Tell, job: Jobs, story: Stories
) -> None:
    old, new = story(job()), story(job(prompt="a pot"))
    redone = tell(*old.bought("tsk_1"), *new.bought("tsk_2", "pot", kept="hero/t1~ab12cd.mp4"))

    back = Restored(key=old.job.key, spec=old.job.spec.hash, output="hero/t1.mp4", kept="hero/t1~ef34ab.mp4")
    record = tell(back, record=redone)

    assert (record.task, record.output, record.state) == ("tsk_1", "hero/t1.mp4", State.DONE)
    assert [(each.task, each.output) for each in record.past] == [("tsk_2", "hero/t1~ef34ab.mp4")]


def test_restoring_what_is_not_there_is_no_fact_about_this_job(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    with pytest.raises(ValueError, match="no earlier generation"):
        tell(*one.bought(), Restored(key=one.job.key, spec=job(prompt="a pot").spec.hash, output="hero/t1.mp4"))


def test_a_second_task_for_a_done_attempt_is_remembered_and_not_believed(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(*one.bought("tsk_1"), one.submitted("tsk_2"), one.completed("tsk_2", usd="0.2"))

    assert (record.task, record.state) == ("tsk_1", State.DONE)
    assert [(each.task, each.spent) for each in record.also] == [("tsk_2", Decimal("0.2"))]


def test_a_second_task_takes_the_place_of_one_that_is_not_done(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    record = tell(one.intended(), one.submitted("tsk_1"), one.submitted("tsk_2"), one.completed("tsk_1"))

    assert (record.task, [each.task for each in record.also]) == ("tsk_2", ["tsk_1"])


def test_a_completed_task_is_adopted_by_an_unsure_job(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())

    assert tell(one.intended(), one.completed("tsk_7")).task == "tsk_7"


@pytest.mark.parametrize(
    "fact",
    [
        Submitted(key="hero#1", task="tsk_1"),
        Cleared(key="hero#1", why="429"),
        Completed(key="hero#1", task="tsk_1"),
        Failed(key="hero#1", failure=Failure(kind="transient", code="x", message="y")),
    ],
)
def test_a_fact_about_a_job_that_nothing_opened_is_refused(fact: Fact) -> None:
    with pytest.raises(ValueError, match="`hero#1` has no record"):
        apply(None, fact)


def test_a_judgement_of_look_up_is_not_about_a_job(job: Jobs, story: Stories) -> None:
    with pytest.raises(AssertionError):
        apply(apply(None, story(job()).opened()), LookUpJudged(model="kling-v2-6", proven=True))


def test_fields_of_newer_versions_survive_every_fact(tell: Tell, job: Jobs, story: Stories) -> None:
    one = story(job())
    newer = apply(None, Opened(key=one.job.key, spec=one.job.spec.hash, parts=("a",), output="a.mp4"))
    newer = type(newer)(**{name: getattr(newer, name) for name in newer.__slots__} | {"extra": {"lens": "50mm"}})

    record = tell(*one.bought(), *story(job(prompt="a pot")).bought("tsk_2"), record=newer)

    assert record.extra == {"lens": "50mm"}
