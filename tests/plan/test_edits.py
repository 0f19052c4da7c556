"""What a person decides about a job, as facts: nothing that was paid for is forgotten by it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_batch.events import Accepted, Fact, Forgotten, Moved, Pruned, Redrawn, from_json, to_json
from kling_batch.job import Job, Key, TaskId
from kling_batch.plan.join import tasks
from kling_batch.plan.lockfile import Lock, fold, parse
from kling_batch.plan.lockfile import format as format_lock
from kling_batch.plan.record import State, committed
from kling_batch.text.source import Source

Jobs = Callable[..., Job]
Stories = Callable[[Job], Any]
Locks = Callable[..., Lock]


def redrawn(job: Job, generation: int = 2, **more: Any) -> Redrawn:
    spec = job.spec
    return Redrawn(
        key=job.key, spec=spec.hash, parts=spec.parts, generation=generation, output=job.output, why="too dark", **more
    )


def test_another_draw_waits_and_the_one_before_it_stays_with_its_cost(
    job: Jobs, story: Stories, lock_of: Locks, hero: Key
) -> None:
    lock = lock_of([*story(job()).bought(), redrawn(job())])

    record = lock.jobs[hero]
    assert (record.state, record.generation, record.business_id, record.reason) == (State.PENDING, 2, None, "too dark")
    assert [each.task for each in record.past] == ["tsk_1"]
    assert committed(lock.jobs) == Decimal("0.184")


@pytest.mark.parametrize("more", [{}, {"task": TaskId("tsk_9"), "usd": Decimal("0.3")}])
def test_a_decision_twice_in_a_row_is_one_decision(
    job: Jobs, story: Stories, lock_of: Locks, more: dict[str, Any]
) -> None:
    decisions: list[Fact] = [
        redrawn(job(), **more),
        Accepted(key=job().key, spec=job(prompt="b").spec.hash, parts=job(prompt="b").spec.parts, generation=1),
        Pruned(key=job().key, sha256="a" * 64),
        Forgotten(key=job().key),
    ]
    for decision in decisions:
        once = fold(lock_of(story(job()).bought()), [decision])

        assert fold(once, [decision]) == once


def test_the_reason_outlives_the_intent_of_the_draw_and_not_the_draw(
    job: Jobs, story: Stories, lock_of: Locks, hero: Key
) -> None:
    one = story(job())
    second = [*one.bought(), redrawn(job()), one.intended(generation=2), one.submitted("tsk_2"), one.done("second")]

    assert lock_of(second).jobs[hero].reason == "too dark"
    assert lock_of([*second, story(job(prompt="a pot")).intended()]).jobs[hero].reason == ""


def test_a_draw_that_was_had_is_not_had_again_where_a_journal_is_read_twice(
    job: Jobs, story: Stories, lock_of: Locks
) -> None:
    one = story(job())
    facts = [
        redrawn(job()),
        one.intended(generation=2),
        one.submitted("tsk_2"),
        one.done("second", kept="hero/old.mp4"),
    ]
    lock = lock_of([*one.bought(), *facts])

    assert fold(lock, [redrawn(job())]) == lock


def test_a_draw_made_elsewhere_is_looked_at_and_counts(job: Jobs, lock_of: Locks, hero: Key) -> None:
    lock = lock_of([redrawn(job(), 1, task=TaskId("tsk_9"), usd=Decimal("0.184"))])

    record = lock.jobs[hero]
    assert (record.state, record.task, record.business_id) == (State.SUBMITTED, "tsk_9", None)
    assert committed(lock.jobs) == Decimal("0.184")


def test_an_accepted_video_is_of_the_new_spec_and_nothing_else_changes(
    job: Jobs, story: Stories, lock_of: Locks, hero: Key
) -> None:
    new = job(prompt="a pot").spec
    before = lock_of(story(job()).bought())

    after = fold(before, [Accepted(key=hero, spec=new.hash, parts=new.parts, generation=1, why="close enough")])

    assert after.jobs[hero].spec == new.hash
    assert (after.jobs[hero].task, after.jobs[hero].sha256) == (before.jobs[hero].task, before.jobs[hero].sha256)


def test_what_is_not_done_cannot_be_accepted(job: Jobs, story: Stories, lock_of: Locks, hero: Key) -> None:
    lock = lock_of(story(job()).bought()[:3])
    new = job(prompt="a pot").spec

    assert fold(lock, [Accepted(key=hero, spec=new.hash, parts=new.parts, generation=1)]) == lock


def test_a_pruned_video_is_known_with_its_cost_and_has_no_file(
    job: Jobs, story: Stories, lock_of: Locks, hero: Key
) -> None:
    new = story(job(prompt="a pot"))
    lock = lock_of([*story(job()).bought(), *new.bought("tsk_2", "second", kept="hero/t1~ab12cd.mp4")])

    pruned = fold(lock, [Pruned(key=hero, sha256=str(lock.jobs[hero].past[0].sha256))])

    assert pruned.jobs[hero].past[0].output is None
    assert committed(pruned.jobs) == committed(lock.jobs)


def test_a_forgotten_job_is_gone(job: Jobs, story: Stories, lock_of: Locks) -> None:
    assert lock_of([*story(job()).bought(), Forgotten(key=job().key)]).jobs == {}


@pytest.mark.parametrize("fact", [Pruned(key=Key("hero#1"), sha256="a"), "accepted"])
def test_a_decision_about_what_is_not_in_the_lock_is_a_fault(job: Jobs, lock_of: Locks, fact: Any) -> None:
    spec = job().spec
    told = Accepted(key=job().key, spec=spec.hash, parts=spec.parts, generation=1) if fact == "accepted" else fact

    with pytest.raises(ValueError, match="has no record"):
        lock_of([told])


def test_decisions_are_read_back_as_they_were_written(job: Jobs) -> None:
    decision = redrawn(job(), task=TaskId("tsk_9"), usd=Decimal("0.184"))

    assert from_json(to_json(decision)) == decision


def test_opening_a_job_that_waits_for_another_draw_keeps_the_draw(
    job: Jobs, story: Stories, lock_of: Locks, hero: Key
) -> None:
    lock = lock_of([*story(job()).bought(), redrawn(job())])

    opened = fold(lock, [story(job()).opened()])

    assert opened == lock
    assert opened.jobs[hero].generation == 2


DECISIONS = st.lists(
    st.one_of(
        st.builds(lambda generation: ("redraw", generation), st.integers(1, 4)),
        st.builds(lambda generation: ("accept", generation), st.integers(1, 4)),
        st.just(("prune", 0)),
        st.just(("move", 0)),
        st.builds(lambda generation: ("buy", generation), st.integers(1, 4)),
    ),
    max_size=8,
)


@given(DECISIONS)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_decided_no_task_and_no_dollar_is_forgotten(
    job: Jobs, story: Stories, lock_of: Locks, hero: Key, decisions: list[tuple[str, int]]
) -> None:
    lock, other = lock_of(story(job()).bought()), job(prompt="a pot").spec
    for number, (what, generation) in enumerate(decisions):
        known, spent = tasks(lock.jobs[hero]), committed(lock.jobs)
        facts: dict[str, list[Fact]] = {
            "redraw": [redrawn(job(), generation)],
            "accept": [Accepted(key=hero, spec=other.hash, parts=other.parts, generation=generation)],
            "prune": [Pruned(key=hero, sha256=str(lock.jobs[hero].sha256))],
            "move": [Moved(key=hero, origin=hero, output=f"{number}.mp4")],
            "buy": list(story(job()).bought(f"tsk_b{number}", f"video {number}", generation=9 + number)),
        }

        lock = fold(lock, facts[what])

        record = lock.jobs[hero]
        assert set(known) <= set(tasks(record))
        assert committed(lock.jobs) >= spent
        assert parse(Source("m.lock.json", format_lock(lock))) == (lock, ())
        draws = [each.draw for each in (record, *record.past)]
        assert len(set(draws)) == len(draws)
