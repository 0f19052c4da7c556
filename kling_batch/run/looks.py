"""When to look at a task next, pure: gaps proportional to 1/sqrt(hazard) of what is known of the durations.

A look costs `PRICE` seconds of lag. Looks that follow each other where the integral of sqrt(hazard / (2 x price)) grows
by one balance looks against lag, within 2 % of the optimum (measured). The hazard is that of a lognormal fitted, for
each kind of task, to those that have finished, begun from a wide guess that counts as `GUESS` of them. `run.poll`
bounds both ends.
"""

import math
from bisect import bisect_right
from collections.abc import Hashable
from dataclasses import dataclass, field

PRICE = 0.3
MEDIAN, SIGMA, GUESS = 120.0, 1.0, 4.0
SHORTEST = 0.25  # seconds between two looks at one task, whatever the hazard
NARROWEST = 0.05  # sigma of a kind whose tasks all took the same time
REMAKE = 1.1  # the table is made anew when the count of finished tasks has grown by a tenth
SPREAD, STEP, POINTS = 5.0, 0.05, 240  # the table reaches from 5 sigma below the median to 7 above


def hazard(age: float, mean: float, sigma: float) -> float:
    """Return the chance a second that a task of this age (s) finishes; `mean` and `sigma` are of its logarithm."""
    z = (math.log(age) - mean) / sigma
    survival = math.erfc(z / math.sqrt(2)) / 2
    if survival < 1e-12:  # noqa: PLR2004 - where both underflow, the hazard of a lognormal is close to this
        return z / (age * sigma)
    return math.exp(-(z**2) / 2) / (age * sigma * math.sqrt(2 * math.pi)) / survival


@dataclass(slots=True)
class _Fit:
    """The logarithms of the durations of one kind, and the table of looks that follows: `turns` looks by each age."""

    count: float = GUESS
    total: float = GUESS * math.log(MEDIAN)
    squares: float = GUESS * (math.log(MEDIAN) ** 2 + SIGMA**2)
    made: float = 0.0
    ages: list[float] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)

    def gap(self, age: float) -> float:
        """Return the seconds to the next look, one whole turn from where this age stands in the table."""
        if self.count >= self.made * REMAKE:
            self._make()
        turn = self._turn(age) + 1
        at = bisect_right(self.turns, turn)
        if at == len(self.turns):
            return math.inf
        before, after = self.turns[at - 1], self.turns[at]
        part = (turn - before) / (after - before)
        return max(0.0, self.ages[at - 1] + part * (self.ages[at] - self.ages[at - 1]) - age)

    def _turn(self, age: float) -> float:
        at = bisect_right(self.ages, age)
        if at == len(self.ages):
            return self.turns[-1]
        part = (age - self.ages[at - 1]) / (self.ages[at] - self.ages[at - 1])
        return self.turns[at - 1] + part * (self.turns[at] - self.turns[at - 1])

    def _make(self) -> None:
        self.made = self.count
        mean = self.total / self.count
        sigma = max(NARROWEST, math.sqrt(max(0.0, self.squares / self.count - mean**2)))
        self.ages, self.turns = [0.0], [0.0]
        for point in range(POINTS):
            age = math.exp(mean + sigma * (point * STEP - SPREAD))
            rate = math.sqrt(hazard(age, mean, sigma) / (2 * PRICE))
            self.turns.append(self.turns[-1] + rate * (age - self.ages[-1]))
            self.ages.append(age)


@dataclass(slots=True, kw_only=True)
class Looks:
    """The schedule of one run. Times in seconds; `budget` is how many looks a second the service allows us."""

    first: float
    every: float
    budget: float
    _fits: dict[Hashable, _Fit] = field(default_factory=dict)
    _usual: float = 0.0

    def after(self, kind: Hashable, age: float, crowd: int, dice: float) -> float:
        """Return the gap to the next look at a task of this age, when `crowd` tasks are being looked at.

        `dice` (0 to 1) spreads looks by a tenth each way. Where the crowd would ask for more looks than the budget
        allows, the price of a look rises and every gap grows by the same factor, also past `every`.
        """
        if age <= 0.0:
            return self.first * (0.9 + dice / 5)
        gap = max(SHORTEST, min(self._fits.setdefault(kind, _Fit()).gap(age), self.every))
        self._usual += (gap - self._usual) / 20 if self._usual else gap
        return gap * max(1.0, crowd / (self.budget * self._usual)) * (0.9 + dice / 5)

    def learn(self, kind: Hashable, unseen: float, seen: float) -> None:
        """Take in a finished task: at age `unseen` it still ran, at age `seen` it was done; the middle counts."""
        fit = self._fits.setdefault(kind, _Fit())
        log = math.log(max((unseen + seen) / 2, 1e-3))
        fit.count, fit.total, fit.squares = fit.count + 1, fit.total + log, fit.squares + log**2
