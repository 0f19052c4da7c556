"""Shares, samples and everything else that a command line says about which jobs it means."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.job import Key
from kling_batch.plan.record import State
from kling_batch.plan.select import Selection, selected

KEYS = tuple(Key(f"{shot}/n={number}#1") for shot in ("hero", "pour", "end") for number in range(40))
JOBS = tuple((key, State.DONE if key.startswith("end") else State.PENDING) for key in KEYS)


def test_no_word_means_every_job() -> None:
    assert selected(Selection(), JOBS) == set(KEYS)


def test_everything_that_is_said_must_hold() -> None:
    chosen = frozenset(key for key in KEYS if "=1" in key)

    found = selected(
        Selection(patterns=("hero", "end"), states=(State.PENDING,), excluded=("*n=11*",), chosen=chosen), JOBS
    )

    assert found == {key for key in chosen if key.startswith("hero") and "=11" not in key}


def test_an_excluded_shot_is_gone() -> None:
    found = selected(Selection(excluded=("hero", "pour")), JOBS)

    assert found == {key for key in KEYS if key.startswith("end")}


@given(st.integers(1, 20))
def test_the_shards_are_all_jobs_each_once(count: int) -> None:
    shares = [selected(Selection(shard=(number, count)), JOBS) for number in range(1, count + 1)]

    assert Counter(key for share in shares for key in share) == Counter(KEYS)


def test_a_job_stays_in_its_shard_when_others_come_and_go() -> None:
    before = selected(Selection(shard=(2, 3)), JOBS)
    after = selected(Selection(shard=(2, 3)), JOBS[::7])

    assert after == before & {key for key, _ in JOBS[::7]}


def test_a_sample_is_the_same_in_any_order_and_grows_by_adding() -> None:
    few = selected(Selection(sample=5), JOBS)
    more = selected(Selection(sample=9), reversed(JOBS))

    assert (len(few), len(more)) == (5, 9)
    assert few < more


def test_a_sample_by_shot_is_one_of_each() -> None:
    found = selected(Selection(sample=2, by_shot=True), JOBS)

    assert Counter(key.partition("/")[0] for key in found) == {"hero": 2, "pour": 2, "end": 2}


def test_a_sample_is_drawn_from_what_the_rest_leaves() -> None:
    found = selected(Selection(patterns=("pour",), sample=3), JOBS)

    assert len(found) == 3
    assert all(key.startswith("pour") for key in found)


@pytest.mark.parametrize("sample", [0, 1000])
def test_a_sample_may_be_nothing_or_all(sample: int) -> None:
    assert len(selected(Selection(sample=sample), JOBS)) == min(sample, len(KEYS))
