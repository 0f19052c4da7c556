"""Every row of design section 4, by name."""

import dataclasses
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from kling_batch.events import Cleared, Fact, Failure, Lost, Moved
from kling_batch.job import Job, business_id
from kling_batch.plan.cost import default_prices
from kling_batch.plan.diff import Action, Change, FileState, Outlook, compare, counts
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import State

Jobs = Callable[..., Job]
Stories = Callable[[Job], Any]
Plans = Callable[..., tuple[Change, ...]]


@pytest.fixture
def plan(lock_of: Callable[..., Lock]) -> Plans:
    """Hold jobs against the lock that facts make, at 500 seconds, with every file where it should be."""

    def make(jobs: Sequence[Job], facts: Sequence[Fact] = (), **outlook: object) -> tuple[Change, ...]:
        world: dict[str, Any] = {"now": 500.0, "file": lambda _: FileState.SAME, "retries": 2} | outlook
        return compare(jobs, lock_of(facts), default_prices(), Outlook(**world))

    return make


def test_a_key_that_is_not_in_the_lock_is_created_and_pays(plan: Plans, job: Jobs) -> None:
    (change,) = plan([job()])

    assert (change.action, change.pays, change.usd, change.state) == (
        Action.CREATE,
        True,
        Decimal("0.184"),
        State.PENDING,
    )
    assert change.because == "not in the lock yet"


def test_a_pending_key_is_created_and_pays(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job()], [story(job()).opened()])

    assert (change.action, change.pays, change.because) == (Action.CREATE, True, "not sent yet")


def test_a_pending_key_of_another_spec_is_created_too(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job(prompt="a pot")], [story(job()).opened()])

    assert (change.action, change.generation, change.attempt) == (Action.CREATE, 1, 1)


def test_a_cleared_submit_is_created_under_the_same_id(plan: Plans, job: Jobs, story: Stories) -> None:
    one = story(job())

    (change,) = plan([job()], [one.intended(generation=3), Cleared(key=one.job.key, why="no balance")])

    assert (change.action, change.generation, change.attempt) == (Action.CREATE, 3, 1)
    assert change.because == "its submit bought nothing"


def test_a_price_that_is_unknown_is_not_zero(plan: Plans, job: Jobs) -> None:
    (change,) = plan([job(model="kling-v3")])

    assert (change.pays, change.usd) == (True, None)


def test_another_spec_is_redone_and_names_the_changed_parts(plan: Plans, job: Jobs, story: Stories) -> None:
    edited = job(prompt="a pot", mode="pro", negative_prompt="steam")

    (change,) = plan([edited], story(job()).bought())

    assert (change.action, change.pays, change.generation) == (Action.REDO, True, 1)
    assert change.because == "prompt, negative prompt and parameters changed"


def test_two_changed_parts_are_joined_by_and(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job(prompt="a pot", duration=10)], story(job()).bought())

    assert change.because == "prompt and parameters changed"


def test_a_spec_that_comes_back_without_its_file_is_a_new_generation(plan: Plans, job: Jobs, story: Stories) -> None:
    twice = [*story(job()).bought("tsk_1"), *story(job(prompt="a pot")).bought("tsk_2")]

    (change,) = plan([job()], twice)

    assert (change.action, change.generation) == (Action.REDO, 2)


def test_a_reverted_edit_restores_the_video_that_is_kept(plan: Plans, job: Jobs, story: Stories) -> None:
    twice = [*story(job()).bought("tsk_1"), *story(job(prompt="a pot")).bought("tsk_2", "pot", kept="hero/t1~a.mp4")]

    (change,) = plan([job()], twice)

    assert (change.action, change.pays, change.usd) == (Action.RESTORE, False, None)
    assert change.because == "prompt changed back to what made `hero/t1~a.mp4`"


def test_a_reverted_edit_restores_a_video_that_is_kept_elsewhere(plan: Plans, job: Jobs, story: Stories) -> None:
    twice = [*story(job()).bought("tsk_1"), *story(job(prompt="a pot")).bought("tsk_2", "pot", kept="hero/t1~a.mp4")]

    (change,) = plan([job()], twice, file=lambda _: FileState.ABSENT)

    assert (change.action, change.mark) == (Action.RESTORE, "elsewhere")


def test_a_kept_video_that_was_changed_is_not_restored(plan: Plans, job: Jobs, story: Stories) -> None:
    twice = [*story(job()).bought("tsk_1"), *story(job(prompt="a pot")).bought("tsk_2", "pot", kept="hero/t1~a.mp4")]

    (change,) = plan([job()], twice, file=lambda _: FileState.DIFFERENT)

    assert (change.action, change.generation) == (Action.REDO, 2)


def test_a_reverted_edit_that_was_never_sent_restores_the_video_in_its_place(
    plan: Plans, job: Jobs, story: Stories
) -> None:
    edited = story(job(prompt="a pot"))

    (change,) = plan([job()], [*story(job()).bought(), edited.intended(), Cleared(key=edited.job.key, why="429")])

    assert (change.action, change.pays) == (Action.RESTORE, False)


def test_a_cleared_redo_is_still_a_redo(plan: Plans, job: Jobs, story: Stories) -> None:
    edited = story(job(prompt="a pot"))

    (change,) = plan(
        [edited.job], [*story(job()).bought(), edited.intended(), Cleared(key=edited.job.key, why="no balance")]
    )

    assert (change.action, change.pays, change.generation, change.attempt) == (Action.REDO, True, 1, 1)


def test_a_cleared_retry_is_still_a_retry(plan: Plans, job: Jobs, story: Stories) -> None:
    one = story(job())
    cleared = Cleared(key=one.job.key, why="no balance")

    (change,) = plan(
        [one.job], [one.intended(), one.submitted(), one.failed(usd="0"), one.intended(attempt=2), cleared]
    )

    assert (change.action, change.attempt, change.because) == (Action.RETRY, 2, "its submit bought nothing; attempt 2")


def test_an_orphan_of_the_same_spec_is_moved_and_nothing_is_bought(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job("dawn")], story(job()).bought())

    assert (change.action, change.pays, change.origin, change.because) == (
        Action.MOVE,
        False,
        "hero#1",
        "renamed from `hero#1`",
    )
    assert change.record is not None
    assert change.record.task == "tsk_1"


def test_a_rename_goes_one_to_one_and_keeps_takes_together(plan: Plans, job: Jobs, story: Stories) -> None:
    old = [fact for take in ("1", "2", "10") for fact in story(job(take=take)).bought(f"tsk_{take}")]

    changes = plan([job("dawn", take) for take in ("2", "10", "11", "12")], old)

    assert [(each.key, each.action.value, each.origin) for each in changes] == [
        ("dawn#2", "move", "hero#2"),
        ("dawn#10", "move", "hero#10"),
        ("dawn#11", "move", "hero#1"),
        ("dawn#12", "create", None),
    ]


def test_a_job_that_has_its_own_video_takes_no_orphan(plan: Plans, job: Jobs, story: Stories) -> None:
    changes = plan([job()], [*story(job()).bought("tsk_1"), *story(job("dawn")).bought("tsk_2", "dawn")])

    assert [each.action for each in changes] == [Action.KEEP, Action.ORPHAN]


@pytest.mark.parametrize(("end", "action"), [("transient", Action.CREATE), ("rejected", Action.MOVE)])
def test_a_renamed_failure_stays_blocked_only_if_it_was_final(
    end: str, action: Action, plan: Plans, job: Jobs, story: Stories
) -> None:
    one = story(job())

    change, *_ = plan([job("dawn")], [one.intended(), one.submitted(), one.failed(end)])

    assert change.action is action


def test_a_renamed_task_in_flight_is_moved_and_not_bought_again(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job("dawn")], story(job()).bought()[:3])

    assert (change.action, change.pays) == (Action.MOVE, False)
    assert change.because == "renamed from `hero#1`; it goes on under its new name in the next run"


def test_a_blank_orphan_is_worth_nothing_to_a_new_name(plan: Plans, job: Jobs, story: Stories) -> None:
    changes = plan([job("dawn")], [story(job()).opened()])

    assert [each.action for each in changes] == [Action.CREATE, Action.ORPHAN]


def test_a_key_that_was_renamed_away_and_comes_back_gets_an_id_of_its_own(
    plan: Plans, job: Jobs, story: Stories
) -> None:
    facts = [*story(job()).bought(), Moved(key=job("dawn").key, origin=job().key, output="dawn/t1.mp4")]

    keep, create = plan([job("dawn"), job()], facts)

    assert (keep.action, create.action, create.generation) == (Action.KEEP, Action.CREATE, 2)
    assert keep.record is not None
    assert keep.record.business_id == business_id("spring", job().key, job().spec.hash, 1, 1)


def test_another_path_alone_is_a_move_under_the_same_key(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job(output="pots/t1.mp4")], story(job()).bought())

    assert (change.action, change.pays, change.origin) == (Action.MOVE, False, "hero#1")
    assert change.because == "its path changes from `hero/t1.mp4` to `pots/t1.mp4`"


def test_an_intent_without_an_answer_is_looked_up_and_never_sent(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job()], [story(job()).intended()])

    assert (change.action, change.pays) == (Action.UNSURE, False)


def test_a_task_that_is_not_final_is_looked_at(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job()], story(job()).bought()[:3])

    assert (change.action, change.because) == (Action.RESUME, "task `tsk_1` is not final yet")


def test_a_spec_that_differs_waits_for_the_task_in_flight(plan: Plans, job: Jobs, story: Stories) -> None:
    for facts, action in ((2, Action.UNSURE), (3, Action.RESUME), (4, Action.FETCH)):
        (change,) = plan([job(prompt="a pot")], story(job()).bought()[:facts])

        assert (change.action, change.pays) == (action, False)
        assert change.because.endswith("; prompt changed, which comes after it")


def test_a_completed_video_is_fetched_while_its_link_lives(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job()], story(job()).bought()[:4], now=999.0)

    assert (change.action, change.pays) == (Action.FETCH, False)


def test_a_completed_video_whose_link_is_dead_is_lost_and_told_with_task_and_cost(
    plan: Plans, job: Jobs, story: Stories
) -> None:
    (change,) = plan([job()], story(job()).bought()[:4], now=1000.0)

    assert (change.action, change.state, change.pays) == (Action.LOST, State.LOST, False)
    assert change.because == "task `tsk_1` was bought for $0.184, and its link is dead; `redo` buys it again"


def test_what_was_found_lost_stays_lost(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job()], [*story(job()).bought()[:4], Lost(key=job().key, why="410")])

    assert (change.action, change.pays) == (Action.LOST, False)


def test_a_lost_video_is_redone_once_its_spec_differs(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job(prompt="a pot")], story(job()).bought()[:4], now=1000.0)

    assert (change.action, change.pays) == (Action.REDO, True)


def test_a_done_job_is_kept(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job()], story(job()).bought())

    assert (change.action, change.because, change.mark) == (Action.KEEP, "done", "")


def test_a_done_job_without_its_file_is_kept_and_marked_elsewhere(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job()], story(job()).bought(), file=lambda _: FileState.ABSENT)

    assert (change.action, change.pays, change.mark) == (Action.KEEP, False, "elsewhere")


def test_a_done_job_whose_file_was_changed_is_kept_and_told(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job()], story(job()).bought(), file=lambda _: FileState.DIFFERENT)

    assert (change.action, change.pays, change.mark) == (Action.KEEP, False, "changed")


def test_a_transient_failure_is_tried_again(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job()], [*story(job()).bought()[:3], story(job()).failed(usd="0")])

    assert (change.action, change.pays, change.generation, change.attempt) == (Action.RETRY, True, 1, 2)
    assert change.because == "failed: try later (upstream); attempt 2"


def test_a_transient_failure_whose_bill_is_silent_is_tried_again(plan: Plans, job: Jobs, story: Stories) -> None:
    (change,) = plan([job()], [*story(job()).bought()[:3], story(job()).failed()])

    assert change.action is Action.RETRY


def test_a_failure_that_was_charged_is_blocked_until_asked_for(plan: Plans, job: Jobs, story: Stories) -> None:
    facts = [*story(job()).bought()[:3], story(job()).failed(usd="0.184")]

    (blocked,) = plan([job()], facts)
    (asked,) = plan([job()], facts, retry_rejected=True)

    assert (blocked.action, blocked.pays) == (Action.BLOCKED, False)
    assert blocked.because == "failed: try later (upstream); the service charged $0.184 for it"
    assert (asked.action, asked.attempt) == (Action.RETRY, 2)


def test_a_failure_without_a_code_is_told_without_one(plan: Plans, job: Jobs, story: Stories) -> None:
    refused = Failure(kind="invalid", code="", message="HTTP 405, not JSON")
    facts = [*story(job()).bought()[:3], dataclasses.replace(story(job()).failed(usd="0"), failure=refused)]

    (change,) = plan([job()], facts)

    assert change.because == "failed: HTTP 405, not JSON; the same request would fail again"


@pytest.mark.parametrize(("attempt", "action"), [(8, Action.RETRY), (9, Action.BLOCKED)])
def test_a_generation_has_three_times_the_attempts_of_a_run(
    attempt: int, action: Action, plan: Plans, job: Jobs, story: Stories
) -> None:
    one = story(job())

    (change,) = plan([job()], [one.intended(attempt=attempt), one.submitted(), one.failed()])

    assert change.action is action


@pytest.mark.parametrize("kind", ["rejected", "invalid"])
def test_what_was_rejected_is_blocked_until_its_spec_changes_or_it_is_asked_for(
    kind: str, plan: Plans, job: Jobs, story: Stories
) -> None:
    facts = [*story(job()).bought()[:3], story(job()).failed(kind, usd="0")]

    (blocked,) = plan([job()], facts)
    (edited,) = plan([job(prompt="a pot")], facts)
    (asked,) = plan([job()], facts, retry_rejected=True)

    assert (blocked.action, edited.action, asked.action) == (Action.BLOCKED, Action.REDO, Action.RETRY)
    assert asked.attempt == 2


def test_a_key_gone_from_the_manifest_is_an_orphan_with_its_cost(plan: Plans, job: Jobs, story: Stories) -> None:
    facts = [*story(job("pot")).bought(), story(job("pan")).opened(), *story(job("urn")).bought("tsk_2")[:3]]

    created, *orphans = plan([job(prompt="a kiln")], facts)

    assert created.action is Action.CREATE
    assert [(each.key, each.action, each.because) for each in orphans] == [
        ("pan#1", Action.ORPHAN, "gone from the manifest; it cost nothing"),
        ("pot#1", Action.ORPHAN, "gone from the manifest; it cost $0.184"),
        ("urn#1", Action.ORPHAN, "gone from the manifest while it was in flight; it cost $0.184"),
    ]


def test_after_everything_is_done_the_next_plan_is_all_keep(plan: Plans, job: Jobs, story: Stories) -> None:
    jobs = [job(take=str(number)) for number in range(5)]
    facts = [fact for each in jobs for fact in story(each).bought(f"tsk_{each.take}", each.take)]

    changes = plan(jobs, facts)

    assert counts(changes) == {Action.KEEP: 5}


def test_the_order_of_the_manifest_is_the_order_of_the_plan(plan: Plans, job: Jobs, story: Stories) -> None:
    jobs = [job("zinc"), job("ash", prompt="ash"), job("clay", prompt="clay")]

    assert [each.key for each in plan(jobs, story(job("urn", prompt="urn")).bought())] == [
        "zinc#1",
        "ash#1",
        "clay#1",
        "urn#1",
    ]
