"""The service's rate limits: a token bucket for each kind of call (contract 3.4), with time passed in."""

from dataclasses import dataclass, field
from math import ceil, floor

from kling_batch.sandbox.answer import Answer, Headers, refused
from kling_batch.sandbox.terms import Rate


@dataclass(slots=True, kw_only=True)
class Bucket:
    """One bucket of tokens; it starts full and refills `speed` times as fast as the service would."""

    category: str
    rate: Rate
    speed: float = 1.0
    _tokens: float = field(init=False)
    _at: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._tokens = float(self.rate.burst)

    def take(self, now: float) -> Answer | None:
        """Take one token, or return the 429 that says how long to wait; a rejected call uses none."""
        passed = max(0.0, now - self._at)
        self._tokens = min(float(self.rate.burst), self._tokens + passed * self._per_second)
        self._at = max(self._at, now)
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return None
        wait = max(1, ceil((1.0 - self._tokens) / self._per_second))
        headers = (("retry-after", str(wait)), *self.headers(now))
        return refused(429, "rate_limit_exceeded", "Async task request rate exceeded", headers=headers)

    def headers(self, now: float) -> Headers:
        """Return what every answer of this kind says about the limit; `reset` is a Unix second."""
        full = now + (self.rate.burst - self._tokens) / self._per_second
        return (
            ("x-ratelimit-limit", str(self.rate.burst)),
            ("x-ratelimit-remaining", str(floor(self._tokens))),
            ("x-ratelimit-reset", str(ceil(full))),
            ("x-ratelimit-category", self.category),
        )

    @property
    def _per_second(self) -> float:
        return self.rate.per_minute / 60 * self.speed
