"""When to look: the published simulation of the schedule, learned on the way, and its bounds."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.run.looks import SHORTEST, Looks

KIND = ("std", 5, False)
MANY = 10_000.0


def simulate(gap: "Looks | float", durations: list[float], seed: int = 1) -> tuple[float, float]:
    """Return looks a task and the mean lag in seconds from the end of a task to the look that sees it."""
    dice = random.Random(seed)
    looks, lag = 0, 0.0
    for duration in durations:
        age = seen = 0.0
        while True:
            age += gap.after(KIND, age, 1, dice.random()) if isinstance(gap, Looks) else gap
            looks += 1
            if age >= duration:
                break
            seen = age
        lag += age - duration
        if isinstance(gap, Looks):
            gap.learn(KIND, seen, age)
    return looks / len(durations), lag / len(durations)


def durations(count: int, median: float, sigma: float, seed: int) -> list[float]:
    dice = random.Random(seed)
    return [median * 2.718281828 ** (sigma * dice.gauss(0, 1)) for _ in range(count)]


def free() -> Looks:
    return Looks(first=1.0, every=MANY, budget=MANY)


def test_after_200_tasks_a_look_schedule_takes_seven_tenths_of_the_looks_of_a_fixed_interval_at_equal_lag() -> None:
    schedule, script = free(), durations(2200, 90.0, 0.4, seed=3)
    simulate(schedule, script[:200])

    looks, lag = simulate(schedule, script[200:])
    fixed, fixed_lag = simulate(2 * lag, script[200:])

    assert fixed_lag == pytest.approx(lag, rel=0.1)
    assert looks <= 0.7 * fixed


@pytest.mark.parametrize("median", [2.0, 30.0, 300.0])
def test_the_schedule_finds_durations_that_are_far_from_its_guess(median: float) -> None:
    schedule, script = free(), durations(1200, median, 0.4, seed=5)
    simulate(schedule, script[:200])

    looks, lag = simulate(schedule, script[200:])
    fixed, _ = simulate(max(SHORTEST, 2 * lag), script[200:])

    assert looks <= 0.8 * fixed + 1


@given(
    age=st.floats(0, 1e6),
    first=st.floats(0.5, 60),
    every=st.floats(0.5, 600),
    seen=st.lists(st.floats(0, 1e5), max_size=30),
)
def test_every_gap_stays_within_the_bounds_of_poll(age: float, first: float, every: float, seen: list[float]) -> None:
    schedule = Looks(first=first, every=every, budget=MANY)
    for each in seen:
        schedule.learn(KIND, each, each)

    gap = schedule.after(KIND, age, 1, 0.5)

    assert min(SHORTEST, first) <= gap + 1e-9
    assert gap <= max(first, every, SHORTEST) + 1e-9


def test_the_first_look_comes_when_the_manifest_says() -> None:
    schedule = Looks(first=5.0, every=10.0, budget=MANY)

    assert schedule.after(KIND, 0.0, 1, 0.5) == pytest.approx(5.0)


def test_a_crowd_looks_no_more_often_than_the_budget_allows() -> None:
    crowd, budget = 1000, 20.0
    schedule = Looks(first=5.0, every=10.0, budget=budget)

    gaps = [schedule.after(KIND, 60.0, crowd, 0.5) for _ in range(200)]

    assert crowd / (sum(gaps[100:]) / 100) <= 1.05 * budget


def test_dice_spread_the_looks_of_tasks_that_began_together() -> None:
    early, late = (free().after(KIND, 60.0, 1, dice) for dice in (0.0, 1.0))

    assert late > 1.2 * early
