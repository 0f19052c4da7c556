"""Laws of the width of downloads, on links that are simulated: as many at once as help, and hardly more."""

import random
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from kling_batch.run.width import FEWEST, MOST, STEP, Width

SIZE = 8_000_000


def widths(rate: Callable[[int], float], rounds: int, seed: int = 1) -> list[int]:
    """Return the width after each of many downloads, over a link that gives so many bytes a second to so many."""
    width, dice, at, seen = Width(), random.Random(seed), 0.0, []
    for _ in range(rounds):
        at += SIZE / rate(width.now) * dice.uniform(0.98, 1.02)
        seen.append(width.landed(at, SIZE, crowded=True))
    return seen


@given(knee=st.integers(FEWEST + 1, MOST - STEP), seed=st.integers(0, 1000))
def test_it_settles_beside_the_fewest_that_fill_the_link(knee: int, seed: int) -> None:
    seen = widths(lambda now: 1e6 * min(now, knee), 3000, seed)[1500:]

    assert knee - 2 * STEP <= sum(seen) / len(seen) <= knee + 2 * STEP


def test_a_host_that_is_slower_for_many_gets_few() -> None:
    seen = widths(lambda now: 1e7 / now, 1000)

    assert max(seen[500:]) <= FEWEST + 2 * STEP


def test_it_follows_a_link_that_becomes_wider() -> None:
    knee = 4
    width, at = Width(), 0.0
    for number in range(4000):
        knee = 4 if number < 1000 else 16
        at += SIZE / (1e6 * min(width.now, knee))
        width.landed(at, SIZE, crowded=True)

    assert width.now >= 16 - 2 * STEP


def test_where_nobody_waits_nothing_is_learned() -> None:
    width = Width()

    seen = {width.landed(float(number), SIZE, crowded=False) for number in range(100)}

    assert seen == {6}


@given(
    landings=st.lists(st.tuples(st.floats(0, 10), st.integers(0, 10**10), st.booleans()), max_size=200),
)
def test_it_never_leaves_its_bounds(landings: list[tuple[float, int, bool]]) -> None:
    width, at = Width(), 0.0

    for gap, size, crowded in landings:
        at += gap
        width.landed(at, size, crowded=crowded)

        assert FEWEST <= width.now <= MOST
