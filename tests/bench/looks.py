"""The schedule of looks on drawn durations: against the optimum that knows their distribution, and a fixed interval.

Nothing waits. Durations are lognormal, median 90 s, sigma 0.4; 200 tasks are learned from before anything is counted.
The optimum is a dynamic programme over ages (performance.md 5.1): the least of price x looks + lag of any schedule.
"""

import bisect
import itertools
import math
import random
from collections.abc import Sequence

from kling_batch.run.looks import Looks

KIND = ("std", 5, False)
MEDIAN, SIGMA = 90.0, 0.4
LEARNED = 200
STEP, END = 1.0, 600.0
UNBOUND = 10_000.0  # `run.poll` and the budget of looks bind nothing here


def against_optimum(tasks: int) -> tuple[float, float, float]:
    """Return our looks a task, the optimum's at the same lag, and that lag in seconds."""
    drawn = _durations(tasks)
    ours, lag = _learned(drawn)
    counted = drawn[LEARNED:]
    low, high = 0.02, 20.0
    for _ in range(7):  # the price at which the optimum has our lag
        price = math.sqrt(low * high)
        low, high = (price, high) if _scored(_optimum(price), counted)[1] < lag else (low, price)
    least, _ = _scored(_optimum(math.sqrt(low * high)), counted)
    return ours, least, lag


def against_fixed(tasks: int) -> tuple[float, float]:
    """Return our looks a task, and those of a fixed interval with the same mean lag."""
    drawn = _durations(tasks)
    ours, lag = _learned(drawn)
    ages = list(itertools.takewhile(lambda age: age < END * 10, itertools.count(2 * lag, 2 * lag)))
    fixed, _ = _scored(ages, drawn[LEARNED:])
    return ours, fixed


def _durations(count: int) -> list[float]:
    dice = random.Random(3)
    return [MEDIAN * math.exp(SIGMA * dice.gauss(0, 1)) for _ in range(count)]


def _learned(durations: Sequence[float]) -> tuple[float, float]:
    """Return looks a task and mean lag of the product's schedule, without the tasks that it first learned from."""
    schedule, dice = Looks(first=1.0, every=UNBOUND, budget=UNBOUND), random.Random(1)
    looks, lag = 0, 0.0
    for number, duration in enumerate(durations):
        if number == LEARNED:
            looks, lag = 0, 0.0
        age = seen = 0.0
        while age < duration:
            seen = age
            age += schedule.after(KIND, age, 1, dice.random())
            looks += 1
        lag += age - duration
        schedule.learn(KIND, seen, age)
    counted = len(durations) - LEARNED
    return looks / counted, lag / counted


def _scored(ages: Sequence[float], durations: Sequence[float]) -> tuple[float, float]:
    """Return looks a task and mean lag of a schedule that is known beforehand."""
    looks, lag = 0, 0.0
    for duration in durations:
        at = bisect.bisect_left(ages, duration)
        looks += at + 1
        lag += ages[at] - duration
    return looks / len(durations), lag / len(durations)


def _optimum(price: float) -> list[float]:
    """Return the best ages to look at; the state is the age of the last look, everything before it is sunk."""
    steps = int(END / STEP)
    done = [_done(number * STEP) for number in range(steps + 1)]
    area = list(itertools.accumulate((STEP * (a + b) / 2 for a, b in itertools.pairwise(done)), initial=0.0))
    worth, choice = [0.0] * (steps + 1), [steps] * (steps + 1)
    for here in range(steps - 1, -1, -1):
        best = math.inf
        for there in range(here + 1, min(steps, here + 120) + 1):
            late = area[there] - area[here] - done[here] * (there - here) * STEP
            cost = price * (1 - done[here]) + late + worth[there]
            if cost < best:
                best, choice[here] = cost, there
        worth[here] = best
    ages, at = [], 0
    while at < steps:
        at = choice[at]
        ages.append(at * STEP)
    return [*ages, *itertools.takewhile(lambda age: age < END * 10, itertools.count(END + 10, 10.0))]


def _done(age: float) -> float:
    return math.erfc(-(math.log(age / MEDIAN) / SIGMA) / math.sqrt(2)) / 2 if age > 0 else 0.0
