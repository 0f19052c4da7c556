"""A pace that a service bears: so many requests a second, pushed back when it asks, learned from what it tells.

The generic cell rate algorithm in its scheduling form: one number, the *theoretical arrival time*, says when the next
request is due; a burst is how far ahead of it requests may run. There is no clock and no task in here.
"""

import datetime as dt
from collections.abc import Mapping

from kling_batch.api.answers import Allowance
from kling_batch.api.faults import header, moment_of, wait_of

SHARE = 0.8  # of a told limit that is used: other programs share the account
_EPOCH = 10**8  # a larger reset is a Unix time rather than a span
_PER_MINUTE = 60.0
_DIGITS = 10  # of a figure that is not absurd


class Pacer:
    """Turns for requests, `rate` a second and at most `burst` at once; every time is the caller's, in seconds."""

    def __init__(self, rate: float, burst: int = 1) -> None:
        self._wished = rate
        self._gap = 1.0 / rate
        self._burst = max(burst, 1)
        self._due = float("-inf")

    @property
    def rate(self) -> float:
        """Requests a second at present: as wished, or less where the service told a lower limit."""
        return 1.0 / self._gap

    def reserve(self, now: float) -> float:
        """Take the next turn and return the seconds until it comes, 0 for at once."""
        due = max(self._due, now)
        self._due = due + self._gap
        return max(0.0, due - (self._burst - 1) * self._gap - now)

    def push_back(self, now: float, seconds: float) -> None:
        """Let no further turn come within so many seconds, and none of the burst behind them."""
        self._due = max(self._due, now + seconds + (self._burst - 1) * self._gap)

    def learn(self, now: float, told: Allowance) -> None:
        """Slow down to what the service tells (never above what was wished), and hold where nothing remains."""
        if told.limit:
            self._gap = max(1.0 / self._wished, _PER_MINUTE / (told.limit * SHARE))
        pause = told.wait if told.wait is not None else told.reset
        if pause and (told.wait is not None or told.remaining == 0):
            self.push_back(now, pause)


def allowance_of(headers: Mapping[str, str]) -> Allowance | None:
    """Return what the `X-RateLimit-*` headers and `Retry-After` of an answer tell; `None` where they are missing."""
    if not any(name.lower().startswith(("x-ratelimit-", "retry-after")) for name in headers):
        return None
    allowance = Allowance(
        category=header(headers, "x-ratelimit-category").strip()[:100],
        limit=_count(header(headers, "x-ratelimit-limit")),
        remaining=_count(header(headers, "x-ratelimit-remaining")),
        reset=_reset(headers),
        wait=wait_of(headers),
    )
    return None if allowance == Allowance() else allowance


def _count(told: str) -> int | None:
    text = told.partition(",")[0].strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def _reset(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the allowance is full again; a Unix time counts from the answer's own `Date`."""
    told = _count(header(headers, "x-ratelimit-reset").partition(".")[0])
    if told is None or told < _EPOCH:
        return None if told is None else float(told)
    now = moment_of(header(headers, "date"))
    return None if now is None else max(0.0, (dt.datetime.fromtimestamp(told, dt.UTC) - now).total_seconds())
