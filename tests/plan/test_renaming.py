"""Keys renamed by hand: one, a shot, an axis, a value; and what speaks against it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_batch.job import Key, SpecHash, key_of
from kling_batch.plan.record import Record, State
from kling_batch.plan.renaming import name_of, new_keys

BLANK = Record(spec=SpecHash("v1:a"), parts=())
DONE = Record(spec=SpecHash("v1:a"), parts=(), state=State.DONE)
NAMES = st.text("abcé.-_1", min_size=1, max_size=4).filter(lambda name: name.strip("."))
AXES = st.dictionaries(NAMES, NAMES, max_size=3).map(lambda axes: tuple(sorted(axes.items())))


def lock(*keys: str, record: Record = DONE) -> dict[Key, Record]:
    return {Key(key): record for key in keys}


@given(NAMES, AXES, NAMES)
@settings(max_examples=200, deadline=None)
def test_a_key_is_read_as_it_was_made(shot: str, axes: tuple[tuple[str, str], ...], take: str) -> None:
    name = name_of(key_of(shot, axes, take))

    assert (name.shot, name.axes, name.take) == (shot, axes, take)


@given(NAMES, AXES, NAMES, NAMES)
@settings(max_examples=200, deadline=None)
def test_a_shot_renamed_there_and_back_is_what_it_was(
    shot: str, axes: tuple[tuple[str, str], ...], take: str, other: str
) -> None:
    key = key_of(shot, axes, take)
    there, against = new_keys({key: DONE}, shot, other)
    if shot == other:
        assert against == f"`{shot}` has that name already"
        return

    back, _ = new_keys({there[key]: DONE}, other, shot)

    assert back == {there[key]: key}


def test_an_axis_keeps_its_values_and_the_key_its_order() -> None:
    jobs = lock("hero/lang=de,ratio=16x9#1", "hero/lang=en#2", "pour/lang=de#1")

    renamed, against = new_keys(jobs, "hero/lang", "hero/tongue")

    assert not against
    assert renamed == {
        "hero/lang=de,ratio=16x9#1": "hero/ratio=16x9,tongue=de#1",
        "hero/lang=en#2": "hero/tongue=en#2",
    }


def test_a_whole_key_means_that_one_alone() -> None:
    jobs = lock("hero/lang=de#1", "hero/lang=de#2", "hero/lang=de,ratio=1x1#1")

    renamed, _ = new_keys(jobs, "hero/lang=de#1", "hero/lang=fr#1")

    assert renamed == {"hero/lang=de#1": "hero/lang=fr#1"}


def test_a_blank_record_under_the_new_name_gives_way() -> None:
    jobs = lock("hero#1") | lock("opener#1", record=BLANK)

    assert new_keys(jobs, "hero", "opener") == ({"hero#1": "opener#1"}, "")


def test_no_job_gets_an_axis_twice_or_the_name_of_another() -> None:
    def against(old: str, new: str, *keys: str) -> str:
        return new_keys(lock(*keys), old, new)[1]

    assert "would have one axis twice" in against("hero/a", "hero/b", "hero/a=x,b=y#1")
    assert "has a record of its own" in against("hero", "opener", "hero#1", "opener#1")
    assert "are not both names of jobs" in against("hero", "", "hero#1")
    assert "change places" in against("hero/a,b", "hero/b,a", "hero/a=x,b=y#1", "hero/a=y,b=x#1")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("hero", "he ro", "`he ro` has U+0020 in it"),
        ("hero", "he\x1bro", "`he\\x1bro` has U+001B in it"),
        ("hero/a", "hero/a b", "`a b` has U+0020 in it"),
        ("hero/a=x", "hero/a=x/y", "`x/y` has `/` in it"),
        ("hero/a=x#1", "hero/a=x#1#2", "`1#2` has `#` in it"),
        ("hero/a=x", f"hero/a={'x' * 65}", "has 65 characters"),
    ],
)
def test_a_new_name_is_one_that_a_manifest_could_say(old: str, new: str, fault: str) -> None:
    renamed, against = new_keys(lock("hero/a=x#1"), old, new)

    assert not renamed
    assert fault in against


def test_two_axes_change_their_names_with_each_other() -> None:
    renamed, _ = new_keys(lock("hero/a=x,b=y#1"), "hero/a,b", "hero/b,a")

    assert renamed == {"hero/a=x,b=y#1": "hero/a=y,b=x#1"}
