"""A lock that git has left in conflict."""

from collections.abc import Callable
from typing import Any

import pytest

from kling_batch.events import Moved
from kling_batch.job import Job, Key
from kling_batch.plan.heal import first_mark, heal
from kling_batch.plan.lockfile import Lock, format  # noqa: A004 - ours
from kling_batch.text.render import render_all
from kling_batch.text.source import Source

Jobs = Callable[..., Job]
Stories = Callable[[Job], Any]
Locks = Callable[..., Lock]
Golden = Callable[[str, str], None]

A, B = Key("a#1"), Key("b#1")


def conflict(ours: str, theirs: str, base: str | None = None, end: str = "\n") -> Source:
    """Return two texts as git leaves them where everything but the head and the foot differs."""
    head, *ours_lines, foot = ours.splitlines()
    before = [] if base is None else ["||||||| 1a2b3c4", *base.splitlines()[1:-1]]
    marked = ["<<<<<<< HEAD", *ours_lines, *before, "=======", *theirs.splitlines()[1:-1], ">>>>>>> topic"]
    return Source("spring.lock.json", end.join([head, *marked, foot, ""]))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_both_sides_of_a_conflict_are_joined_by_key(job: Jobs, story: Stories, lock_of: Locks, end: str) -> None:
    ours = lock_of([*story(job("a")).bought("tsk_a"), story(job("b")).opened()])
    theirs = lock_of([story(job("a")).opened(), *story(job("b")).bought("tsk_b"), *story(job("c")).bought("tsk_c")])

    source = conflict(format(ours), format(theirs), end=end)
    lock, told = heal(source)

    assert first_mark(source.text)
    assert lock is not None
    assert lock.jobs == {**theirs.jobs, A: ours.jobs[A]}
    assert [each.code for each in told] == ["lock-healed"]


def test_with_the_base_told_what_was_taken_out_stays_out(job: Jobs, story: Stories, lock_of: Locks) -> None:
    a, b = story(job("a")), story(job("b"))
    base = lock_of([*a.bought("tsk_a"), b.opened()])
    ours, theirs = lock_of([b.opened()]), lock_of([*a.bought("tsk_a"), *b.bought("tsk_b")])

    told = heal(conflict(format(ours), format(theirs), format(base)))[0]
    untold = heal(conflict(format(ours), format(theirs)))[0]

    assert told is not None
    assert untold is not None
    assert told.jobs.keys() == {B}
    assert untold.jobs.keys() == {A, B}


def test_a_base_with_marks_of_its_own_is_done_without(job: Jobs, story: Stories, lock_of: Locks) -> None:
    ours, theirs = lock_of(story(job("a")).bought("tsk_a")), lock_of(story(job("b")).bought("tsk_b"))
    base = (
        '{\n<<<<<<<<< Temporary merge branch 1\n"a#1":\n||||||||| 1\n=========\n>>>>>>>>> Temporary merge branch 2\n}}'
    )

    lock, told = heal(conflict(format(ours), format(theirs), base))

    assert lock is not None
    assert lock.jobs.keys() == {A, B}
    assert [each.code for each in told] == ["lock-healed"]


def test_what_was_bought_twice_is_told_with_its_cost(job: Jobs, story: Stories, lock_of: Locks, golden: Golden) -> None:
    ours, theirs = lock_of(story(job("a")).bought("tsk_1")), lock_of(story(job("a")).bought("tsk_2"))

    lock, told = heal(conflict(format(ours), format(theirs)))

    assert lock is not None
    assert [each.task for each in lock.jobs[A].also] == ["tsk_2"]
    golden("healed.txt", render_all(told) + "\n")


def test_a_key_that_cannot_be_decided_is_named(job: Jobs, story: Stories, lock_of: Locks, golden: Golden) -> None:
    facts = story(job("a")).bought("tsk_a")
    ours, theirs = lock_of(facts), lock_of([*facts, Moved(origin=A, key=B, output="b/t1.mp4")])
    shared = conflict(format(ours), format(theirs))
    broken = conflict(format(ours).replace('"state":"done"', '"state":"dome"'), format(ours))

    complaints = [*heal(shared)[1], *heal(broken)[1]]

    assert heal(shared)[0] is heal(broken)[0] is None
    golden("contested.txt", render_all(complaints) + "\n")


def test_the_manifest_decides_between_two_names(job: Jobs, story: Stories, lock_of: Locks) -> None:
    facts = story(job("a")).bought("tsk_a")
    ours, theirs = lock_of(facts), lock_of([*facts, Moved(origin=A, key=B, output="b/t1.mp4")])

    lock, _ = heal(conflict(format(ours), format(theirs)), wanted={B})

    assert lock is not None
    assert lock.jobs.keys() == {B}


@pytest.mark.parametrize(
    "text",
    [
        "<<<<<<< HEAD\n",
        "{\n=======\n>>>>>>> topic\n",
        "<<<<<<< HEAD\n=======\n=======\n>>>>>>> topic\n",
        '{"version":1}\n<<<<<<< HEAD\n=======\n>>>>>>> topic\n',
        '{"version":1,"project":"p","service":"s","jobs":{\n<<<<<<< a\nstray\n=======\n>>>>>>> b\n}}\n',
        '{"version":1,"project":"p","service":"s","jobs":{\n<<<<<<< a\n {"spec":1}\n=======\n>>>>>>> b\n}}\n',
        '{"version":1,"project":"p","service":"s","jobs":{\n<<<<<<< a\n"a#1":\n=======\n>>>>>>> b\n}}\n',
        '{"version":1,"project":"p","service":"s","jobs":{\n<<<<<<< a\n"a#1:\n=======\n>>>>>>> b\n}}\n',
    ],
)
def test_what_no_side_can_be_read_from_is_told_and_left(text: str) -> None:
    lock, told = heal(Source("spring.lock.json", text))

    assert lock is None
    assert {each.code for each in told} == {"lock-conflict"}


def test_sides_of_two_projects_are_not_joined(lock_of: Locks) -> None:
    ours = format(lock_of([]))
    text = f"<<<<<<< a\n{ours}=======\n{ours.replace('spring', 'autumn')}>>>>>>> b\n"

    lock, told = heal(Source("spring.lock.json", text))

    assert lock is None
    assert [each.code for each in told] == ["lock-project"]


def test_a_key_that_is_twice_on_one_side_is_named(job: Jobs, story: Stories, lock_of: Locks) -> None:
    text = format(lock_of(story(job("a")).bought("tsk_a")))
    twice = text.replace("}}\n", ",\n" + text.partition("\n")[2])

    lock, told = heal(conflict(twice, text))

    assert lock is None
    assert "twice" in told[0].message
