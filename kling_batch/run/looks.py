"""When to look at a task next, pure: gaps proportional to 1/sqrt(hazard) of what is known of the durations.

A look costs `PRICE` seconds of lag. The gap that balances looks against lag is sqrt(2 x price / hazard), within 2 % of
the optimum (measured). The hazard is that of a lognormal fitted, for each kind of task, to those that have finished,
begun from a wide guess that counts as `GUESS` of them. `run.poll` bounds both ends.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field

PRICE = 0.3
MEDIAN, SIGMA, GUESS = 120.0, 1.0, 4.0
SHORTEST = 0.25  # seconds between two looks at one task, whatever the hazard
NARROWEST = 0.05  # sigma of a kind whose tasks all took the same time


@dataclass(slots=True)
class _Fit:
    """The logarithms of the durations of one kind: how many, their sum and the sum of their squares."""

    count: float = GUESS
    total: float = GUESS * math.log(MEDIAN)
    squares: float = GUESS * (math.log(MEDIAN) ** 2 + SIGMA**2)

    def hazard(self, age: float) -> float:
        """Return the chance a second that a task of this age finishes now."""
        mean = self.total / self.count
        sigma = max(NARROWEST, math.sqrt(max(0.0, self.squares / self.count - mean**2)))
        z = (math.log(max(age, 1e-3)) - mean) / sigma
        density = math.exp(-(z**2) / 2) / (max(age, 1e-3) * sigma * math.sqrt(2 * math.pi))
        survival = math.erfc(z / math.sqrt(2)) / 2
        # far out in the tail both underflow; there the hazard of a lognormal is close to z / (age x sigma)
        return density / survival if survival > 1e-12 else z / (age * sigma)  # noqa: PLR2004 - see the line above


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
        fit = self._fits.get(kind) or _Fit()
        gap = math.sqrt(2 * PRICE / max(fit.hazard(age), 1e-9))
        if age < self.first:
            gap = max(gap, self.first - age) if age else self.first
        gap = max(SHORTEST, min(gap, self.every if age else self.first))
        self._usual += (gap - self._usual) / 20 if self._usual else gap
        return gap * max(1.0, crowd / (self.budget * self._usual)) * (0.9 + dice / 5)

    def learn(self, kind: Hashable, unseen: float, seen: float) -> None:
        """Take in a finished task: at age `unseen` it still ran, at age `seen` it was done; the middle counts."""
        fit = self._fits.setdefault(kind, _Fit())
        log = math.log(max((unseen + seen) / 2, 1e-3))
        fit.count, fit.total, fit.squares = fit.count + 1, fit.total + log, fit.squares + log**2
