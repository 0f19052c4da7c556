"""What a person may ask of a job, and what is refused and why, for jobs in every state."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from kling_batch.events import Accepted, Cleared, Completed, Fact, Lost, Redrawn, Restored
from kling_batch.job import Job, TaskId
from kling_batch.plan.cost import default_prices
from kling_batch.plan.diff import Change, FileState, Outlook, compare
from kling_batch.plan.history import History
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.wishes import Granted, Refused, accept, bring_in, forget, redraw

Jobs = Callable[..., Job]
Stories = Callable[[Job], Any]
Locks = Callable[..., Lock]
Case = Callable[[Iterable[Job], Iterable[Fact]], tuple[Change, History]]


@pytest.fixture
def case(lock_of: Locks) -> Case:
    """Plan jobs against what facts have made, and give the last change with the history it is judged by."""

    def make(jobs: Iterable[Job], facts: Iterable[Fact]) -> tuple[Change, History]:
        lock = lock_of(facts)
        outlook = Outlook(now=500, file=lambda _: FileState.SAME, retries=2)
        return compare(jobs, lock, default_prices(), outlook)[-1], History(lock)

    return make


def refused(answer: Granted | Refused) -> str:
    assert isinstance(answer, Refused)
    return answer.because


def granted(answer: Granted | Refused) -> tuple[Fact, ...]:
    assert isinstance(answer, Granted)
    return answer.facts


def test_an_orphan_is_not_drawn_accepted_or_brought(case: Case, job: Jobs, story: Stories) -> None:
    change, history = case([], story(job()).bought())

    assert refused(redraw(change, history, "")) == "is not in the manifest"
    assert refused(accept(change, history, "")) == "is not in the manifest"
    assert refused(bring_in(change, history, "")) == "is not in the manifest"


def test_a_job_without_a_record_is_neither_drawn_anew_nor_accepted_nor_forgotten(case: Case, job: Jobs) -> None:
    change, history = case([job()], [])

    assert refused(redraw(change, history, "")) == "is not in the lock"
    assert refused(accept(change, history, "")) == "is not in the lock"
    assert refused(forget(change, "", also_paid=False)) == "is not in the lock"


def test_what_is_under_way_is_left_alone(case: Case, job: Jobs, story: Stories) -> None:
    one = story(job())
    running, history = case([job()], [one.intended(), one.submitted()])
    unsure, _ = case([job()], [one.intended()])

    for answer in (redraw(running, history, ""), accept(running, history, ""), bring_in(running, history, "")):
        assert refused(answer).startswith("is under way")
    assert refused(bring_in(unsure, history, "")) == "is unsure: `resolve --adopt TASK` gives it a task"


def test_a_renamed_job_is_moved_before_it_is_drawn_anew(case: Case, job: Jobs, story: Stories) -> None:
    change, history = case([job("opener")], story(job()).bought())

    assert refused(redraw(change, history, "")) == "renamed from `hero#1`: let a run move it first"


def test_a_lost_video_is_drawn_anew_with_the_number_after_it(case: Case, job: Jobs, story: Stories) -> None:
    one = story(job())
    lost = Lost(key=one.job.key, why="410")
    change, history = case([job()], [one.intended(), one.submitted(), one.completed(), lost])

    [fact] = granted(redraw(change, history, "again"))

    assert isinstance(fact, Redrawn)
    assert (fact.generation, fact.why) == (2, "again")


def test_a_dead_link_is_a_lost_video_before_anybody_wrote_it_down(case: Case, job: Jobs, story: Stories) -> None:
    one = story(job())
    dead = Completed(key=one.job.key, task=TaskId("tsk_1"), expires=10)
    change, history = case([job()], [one.intended(), one.submitted(), dead])

    assert granted(redraw(change, history, ""))


def test_an_edit_that_waits_is_accepted_in_the_next_number_that_is_free(case: Case, job: Jobs, story: Stories) -> None:
    first, second = story(job()), story(job(prompt="a pot"))
    facts = [*first.bought(), *second.bought("tsk_2", "two", kept="hero/old.mp4")]
    change, history = case([job()], facts)

    [fact] = granted(accept(change, history, "the same to me"))

    assert isinstance(fact, Accepted)
    assert (fact.spec, fact.generation) == (job().spec.hash, 2)


def test_a_refused_edit_gives_way_to_the_video_before_it(case: Case, job: Jobs, story: Stories) -> None:
    after = story(job(prompt="a pot"))
    change, history = case([after.job], [*story(job()).bought(), after.intended(), after.failed("rejected")])

    restored, accepted = granted(accept(change, history, ""))

    assert isinstance(restored, Restored)
    assert isinstance(accepted, Accepted)


def test_a_task_is_expected_to_cost_its_price(case: Case, job: Jobs) -> None:
    change, history = case([job()], [])

    [fact] = granted(bring_in(change, history, "", TaskId("tsk_9")))

    assert isinstance(fact, Redrawn)
    assert (fact.task, fact.usd, fact.generation) == ("tsk_9", change.price, 1)


def test_a_task_takes_no_number_that_an_attempt_has_had(case: Case, job: Jobs, story: Stories) -> None:
    one = story(job())
    cleared = Cleared(key=one.job.key, why="429")
    facts = [one.intended(), one.submitted(), one.failed(), one.intended(attempt=2), cleared]
    change, history = case([job()], facts)

    [fact] = granted(bring_in(change, history, "", TaskId("tsk_9")))

    assert isinstance(fact, Redrawn)
    assert fact.generation == 2
