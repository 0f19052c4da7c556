"""Two branches' locks made one, three-way by key."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from kling_batch.events import LookUpJudged, Moved
from kling_batch.job import Job, Key, TaskId
from kling_batch.plan.join import tasks
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.merge import Doubled, Undecided, merge
from kling_batch.plan.record import State

Jobs = Callable[..., Job]
Stories = Callable[[Job], Any]
Locks = Callable[..., Lock]

A, B, C = Key("a#1"), Key("b#1"), Key("c#1")


def test_each_side_gives_what_it_alone_has_run(job: Jobs, story: Stories, lock_of: Locks) -> None:
    a, b = story(job("a")), story(job("b"))
    base = lock_of([a.opened(), b.opened()])
    ours = lock_of([*a.bought("tsk_a"), b.opened()])
    theirs = lock_of([a.opened(), *b.bought("tsk_b")])

    merged = merge(base, ours, theirs)

    assert merged.lock.jobs == {A: ours.jobs[A], B: theirs.jobs[B]}
    assert (merged.doubled, merged.undecided) == ((), ())


def test_jobs_that_both_sides_added_are_all_there(job: Jobs, story: Stories, lock_of: Locks) -> None:
    ours = lock_of([*story(job("a")).bought("tsk_a"), *story(job("b")).bought("tsk_b")])
    theirs = lock_of([*story(job("c")).bought("tsk_c")])

    merged = merge(lock_of([]), ours, theirs)

    assert merged.lock.jobs == {**ours.jobs, **theirs.jobs}


def test_a_job_that_both_bought_keeps_both_tasks_and_tells_the_second(
    job: Jobs, story: Stories, lock_of: Locks
) -> None:
    a = story(job("a"))
    base, ours, theirs = lock_of([a.opened()]), lock_of(a.bought("tsk_1")), lock_of(a.bought("tsk_2"))

    merged = merge(base, ours, theirs)

    assert merged.lock.jobs[A].task == "tsk_1"
    assert tasks(merged.lock.jobs[A]) == ("tsk_1", "tsk_2")
    assert merged.doubled == (Doubled(key=A, task=TaskId("tsk_2"), usd=Decimal("0.184")),)


def test_what_was_doubled_before_is_not_told_again(job: Jobs, story: Stories, lock_of: Locks) -> None:
    a = story(job("a"))
    once = merge(None, lock_of(a.bought("tsk_1")), lock_of(a.bought("tsk_2"))).lock

    assert merge(None, once, lock_of(a.bought("tsk_2"))).doubled == ()


def test_a_record_that_one_side_took_out_stays_out(job: Jobs, story: Stories, lock_of: Locks) -> None:
    a, b = story(job("a")), story(job("b"))
    base = lock_of([*a.bought("tsk_a"), b.opened()])
    ours = lock_of([b.opened()])
    theirs = lock_of([*a.bought("tsk_a"), *b.bought("tsk_b")])

    assert merge(base, ours, theirs).lock.jobs.keys() == {B}
    assert merge(base, theirs, ours).lock.jobs.keys() == {B}


def test_a_record_taken_out_here_and_used_there_stays(job: Jobs, story: Stories, lock_of: Locks) -> None:
    a = story(job("a"))
    base, theirs = lock_of([a.opened()]), lock_of(a.bought("tsk_a"))

    assert merge(base, lock_of([]), theirs).lock.jobs.keys() == {A}


def test_a_rename_here_and_the_end_of_its_task_there_stay_one_job(job: Jobs, story: Stories, lock_of: Locks) -> None:
    a = story(job("a"))
    facts = a.bought("tsk_a")
    base, theirs = lock_of(facts[:3]), lock_of(facts)
    ours = lock_of([*facts[:3], Moved(origin=A, key=C, output="c/t1.mp4")])

    for merged in (merge(base, ours, theirs), merge(base, theirs, ours)):
        assert merged.lock.jobs.keys() == {C}
        assert merged.lock.jobs[C].state is State.DONE
        assert merged.undecided == ()


def test_a_task_under_two_new_names_is_for_a_human(job: Jobs, story: Stories, lock_of: Locks) -> None:
    facts = story(job("a")).bought("tsk_a")
    ours = lock_of([*facts, Moved(origin=A, key=B, output="b/t1.mp4")])
    theirs = lock_of([*facts, Moved(origin=A, key=C, output="c/t1.mp4")])

    merged = merge(lock_of(facts), ours, theirs)

    assert merged.undecided == (
        Undecided(key=B, why="its task is also that of `c#1`"),
        Undecided(key=C, why="its task is also that of `b#1`"),
    )


def test_the_manifest_says_which_of_two_names_a_job_has(job: Jobs, story: Stories, lock_of: Locks) -> None:
    facts = story(job("a")).bought("tsk_a")
    ours, theirs = lock_of(facts), lock_of([*facts, Moved(origin=A, key=B, output="b/t1.mp4")])

    assert merge(None, ours, theirs, wanted={B}).lock.jobs.keys() == {B}
    assert merge(None, ours, theirs).undecided


def test_a_proof_of_look_up_is_taken_from_who_made_it(lock_of: Locks) -> None:
    proof = LookUpJudged(model="kling-v2-6", proven=True)
    empty, proven = lock_of([]), lock_of([proof])

    assert merge(empty, empty, proven).lock.look_up == "kling-v2-6"
    assert merge(proven, empty, proven).lock.look_up is None
    assert merge(None, empty, proven).lock.look_up == "kling-v2-6"


def test_fields_of_newer_versions_come_from_who_changed_them(lock_of: Locks) -> None:
    base = replace(lock_of([]), extra={"same": 1, "ours": 1, "theirs": 1, "gone": 1})
    ours = replace(base, extra={"same": 1, "ours": 2, "theirs": 1, "gone": 1, "new": "o"})
    theirs = replace(base, extra={"same": 1, "ours": 1, "theirs": 2, "new": "t", "more": 1})

    extra = merge(base, ours, theirs).lock.extra

    assert extra == {"same": 1, "ours": 2, "theirs": 2, "new": "o", "more": 1}
