from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kling_batch.events import (
    Cleared,
    Completed,
    Done,
    Fact,
    Failed,
    Failure,
    Intended,
    LookUpJudged,
    Lost,
    Moved,
    Opened,
    Redrawn,
    Submitted,
)
from kling_batch.job import BusinessId, Job, Key, SpecHash, TaskId
from kling_batch.plan.join import join, tasks
from kling_batch.plan.lockfile import Lock, fold
from kling_batch.plan.record import Record, State, committed
from kling_batch.plan.recovery import joined

Jobs = Callable[..., Job]
Stories = Callable[[Job], Any]
Locks = Callable[..., Lock]

HERO = Key("hero#1")
SPECS = tuple(SpecHash("v1:" + each * 64) for each in "abc")
EMPTY = Lock(project="spring", service="sandbox", jobs={})


@st.composite
def lives(draw: st.DrawFn, key: Key = HERO, side: str = "") -> tuple[Fact, ...]:
    """Draw what an engine may record about one job: draws and attempts in order, each ended in some way or not yet."""
    facts: list[Fact] = [Opened(key=key, spec=SPECS[0], parts=("a",), output="hero.mp4")]
    last = Failure(kind="transient", code="x", message="y")
    for number, spec in enumerate(draw(st.lists(st.sampled_from(SPECS), max_size=3))):
        generation = 1 + sum(isinstance(f, Intended) and f.spec == spec and f.attempt == 1 for f in facts)
        if draw(st.booleans()):
            facts.append(
                Redrawn(key=key, spec=spec, parts=("a",), generation=generation, output="hero.mp4", why="dark")
            )
        for attempt in range(1, draw(st.integers(1, 3)) + 1):
            name = f"{key}-{spec[3]}-{generation}-{attempt}"
            intent = Intended(
                key=key,
                spec=spec,
                parts=("a",),
                generation=generation,
                attempt=attempt,
                business_id=BusinessId(name),
                output="hero.mp4",
                usd=Decimal("0.184"),
            )
            task = TaskId(f"{name}{side}")
            got = (intent, Submitted(key=key, task=task))
            ends: dict[str, tuple[Fact, ...]] = {
                "unsure": (intent,),
                "cleared": (intent, Cleared(key=key, why="429")),
                "refused": (intent, Failed(key=key, failure=last)),
                "running": got,
                "failed": (*got, Failed(key=key, failure=last, usd=Decimal(0))),
                "lost": (*got, Completed(key=key, task=task, expires=9), Lost(key=key, why="410")),
                "done": (*got, Done(key=key, output="hero.mp4", sha256="a" * 64, bytes=9, kept=f"k{number}.mp4")),
            }
            end = draw(st.sampled_from(sorted(ends)))
            facts += ends[end]
            if end not in {"failed", "refused"}:
                break
        if end in {"unsure", "cleared", "running"}:
            break
    return tuple(facts)


def told(facts: tuple[Fact, ...]) -> Record:
    return fold(EMPTY, facts).jobs[HERO]


def bought(record: Record) -> set[object]:
    return {each.draw for each in (record, *record.past) if each.state is not State.PENDING}


LIVES = lives()


@given(LIVES)
@settings(max_examples=150, deadline=None)
def test_a_record_joined_with_itself_is_itself(facts: tuple[Fact, ...]) -> None:
    record = told(facts)

    assert join(record, record) == record


@given(LIVES, lives(side="-b"))
@settings(max_examples=300, deadline=None)
def test_joining_loses_no_task_of_either_side(ours: tuple[Fact, ...], theirs: tuple[Fact, ...]) -> None:
    one, two = told(ours), told(theirs)

    both = join(one, two)

    assert both is not None
    assert set(tasks(both)) == set(tasks(one)) | set(tasks(two))


@given(LIVES, lives(side="-b"))
@settings(max_examples=300, deadline=None)
def test_joining_the_other_way_round_only_changes_which_side_is_main(
    ours: tuple[Fact, ...], theirs: tuple[Fact, ...]
) -> None:
    one, two = told(ours), told(theirs)

    there, back = join(one, two), join(two, one)

    assert there is not None
    assert back is not None
    assert set(tasks(there)) == set(tasks(back))
    assert committed({HERO: there}) == committed({HERO: back})
    assert bought(there) == bought(back)


@given(LIVES, lives(side="-b"))
@settings(max_examples=150, deadline=None)
def test_joining_again_with_either_side_adds_nothing(ours: tuple[Fact, ...], theirs: tuple[Fact, ...]) -> None:
    one, two = told(ours), told(theirs)
    both = join(one, two)

    again = join(both, two)

    assert both is not None
    assert again is not None
    assert set(tasks(again)) == set(tasks(both))
    assert committed({HERO: again}) == committed({HERO: both})


@given(LIVES, st.data())
@settings(max_examples=200, deadline=None)
def test_an_older_lock_joined_with_the_journal_knows_what_the_journal_knows(
    facts: tuple[Fact, ...], data: st.DataObject
) -> None:
    lock = fold(EMPTY, facts[: data.draw(st.integers(0, len(facts)))])

    recovered = joined(lock, facts).jobs[HERO]

    known = told(facts)
    assert set(tasks(recovered)) == set(tasks(known))
    if all(type(after) not in {Cleared, Failed} for before, after in pairwise(facts) if isinstance(before, Intended)):
        assert recovered == known  # else a lock written at the intent stays in doubt: the safe side


@given(LIVES, st.data())
@settings(max_examples=200, deadline=None)
def test_a_journal_that_begins_in_the_middle_goes_on_where_the_lock_is(
    facts: tuple[Fact, ...], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(facts)))
    lock = fold(EMPTY, facts[:cut])

    recovered = joined(lock, facts[cut:]).jobs[HERO]

    assert set(tasks(recovered)) == set(tasks(told(facts)))
    assert recovered.is_in_flight >= told(facts).is_in_flight


def test_who_knows_nothing_takes_the_other_side(job: Jobs, story: Stories, lock_of: Locks) -> None:
    bought = lock_of(story(job()).bought()).jobs[HERO]
    opened = lock_of([story(job(prompt="a pot")).opened()]).jobs[HERO]

    assert join(None, None) is None
    assert join(bought, None) == join(None, bought) == join(opened, bought) == join(bought, opened) == bought


def test_two_branches_that_only_planned_keep_our_plan(job: Jobs, story: Stories, lock_of: Locks) -> None:
    ours = lock_of([story(job()).opened()]).jobs[HERO]
    theirs = lock_of([story(job(prompt="a pot")).opened()]).jobs[HERO]

    assert join(ours, theirs) == ours


def test_the_side_that_is_further_wins(job: Jobs, story: Stories, lock_of: Locks) -> None:
    one = story(job())
    steps = [
        lock_of(one.bought()[:length]).jobs[HERO]
        for length in (2, 3, 4, 5)  # unsure, submitted, completed, done
    ]

    for less, more in pairwise(steps):
        joined_record = join(less, more)
        assert joined_record is not None
        assert joined_record.state is more.state


def test_a_job_run_on_both_branches_keeps_both_tasks_and_tells_both_costs(
    job: Jobs, story: Stories, lock_of: Locks
) -> None:
    ours = lock_of(story(job()).bought("tsk_1")[:3]).jobs[HERO]
    theirs = lock_of(story(job()).bought("tsk_2")).jobs[HERO]

    both = join(ours, theirs)

    assert both is not None
    assert (both.task, both.state, [each.task for each in both.also]) == ("tsk_2", State.DONE, ["tsk_1"])
    assert committed({HERO: both}) == Decimal("0.368")


def test_of_two_unfinished_tasks_ours_is_main(job: Jobs, story: Stories, lock_of: Locks) -> None:
    ours = lock_of(story(job()).bought("tsk_1")[:3]).jobs[HERO]
    theirs = lock_of(story(job()).bought("tsk_2")[:3]).jobs[HERO]

    both = join(ours, theirs)

    assert both is not None
    assert (both.task, [each.task for each in both.also]) == ("tsk_1", ["tsk_2"])


def test_where_both_know_a_cost_the_dearer_word_counts(job: Jobs, story: Stories, lock_of: Locks) -> None:
    ours = lock_of(story(job()).bought()).jobs[HERO]

    assert join(ours, replace(ours, spent=Decimal(1))) == join(replace(ours, spent=Decimal(1)), ours)
    assert join(replace(ours, spent=None), ours) == ours


def test_a_task_in_flight_never_hides_behind_a_finished_video(job: Jobs, story: Stories, lock_of: Locks) -> None:
    ours = lock_of(story(job()).bought("tsk_1")).jobs[HERO]
    theirs = lock_of(story(job(prompt="a pot")).bought("tsk_2")[:3]).jobs[HERO]

    both = join(ours, theirs)

    assert both is not None
    assert (both.task, [each.task for each in both.past]) == ("tsk_2", ["tsk_1"])


def test_a_rename_that_the_lock_has_not_made_yet_is_made(job: Jobs, story: Stories, lock_of: Locks) -> None:
    facts = [*story(job()).bought(), Moved(key=job("dawn").key, origin=HERO, output="dawn/t1.mp4")]
    lock = lock_of([*facts[:-1], story(job("pot")).opened()])

    for known in (facts, facts[-1:]):
        after = joined(lock, tuple(known))
        assert {key: each.task for key, each in after.jobs.items()} == {"dawn#1": "tsk_1", "pot#1": None}


def test_a_rename_that_the_lock_has_made_is_not_made_again(job: Jobs, story: Stories, lock_of: Locks) -> None:
    rename = Moved(key=job("dawn").key, origin=HERO, output="dawn/t1.mp4")
    again = story(job(prompt="a pot")).bought("tsk_2")
    lock = lock_of([*story(job()).bought("tsk_1"), rename, *again])

    after = joined(lock, (rename, *again))

    assert {key: tasks(each) for key, each in after.jobs.items()} == {"dawn#1": ("tsk_1",), "hero#1": ("tsk_2",)}


def test_a_rename_of_what_nobody_has_bought_yet_takes_nothing_along(job: Jobs, story: Stories, lock_of: Locks) -> None:
    facts = (story(job()).opened(), Moved(key=job("dawn").key, origin=HERO, output="dawn/t1.mp4"))

    assert list(joined(lock_of([]), facts).jobs) == ["dawn#1"]


def test_what_the_journal_judged_of_look_up_counts(lock_of: Locks) -> None:
    assert joined(lock_of([]), (LookUpJudged(model="kling-v2-6", proven=True),)).look_up == "kling-v2-6"
