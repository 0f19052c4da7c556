"""What the pretended service offers and asks for: its prices, its limits, its times; all of it data.

The prices are those of contract section 6 (April 2026), the limits those of section 3.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

CREDITS_PER_USD = 200
DAY = 86_400.0
LARGEST_BODY = 1_000_000  # bytes of a submit; the gateway answers 413 past its own limit
LARGEST_IMAGE = 10 * 1024 * 1024
MOST_PAINTED = 500  # tasks; a painted video costs about 0.2 s of CPU, a shipped one nothing

USD_PER_SECOND: Mapping[tuple[str, bool], Decimal] = {
    ("std", False): Decimal("0.0368"),
    ("pro", False): Decimal("0.0625"),
    ("pro", True): Decimal("0.125"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A token bucket: how many a second in the long run, and how many at once."""

    per_minute: int
    burst: int


RATES: Mapping[str, tuple[Rate, Rate]] = {  # submit, query
    "default": (Rate(per_minute=300, burst=50), Rate(per_minute=3000, burst=500)),
    "vip": (Rate(per_minute=1000, burst=167), Rate(per_minute=10000, burst=1667)),
    "svip": (Rate(per_minute=2000, burst=334), Rate(per_minute=30000, burst=5000)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How this service is set up. Times are seconds; a scenario file gives any of them under `service`.

    `speed` divides how long a video takes, and multiplies what the rate limits let through; dates stay real.
    `business_ids` says whether own ids are found and replayed, only echoed, or ignored altogether. `visible_after` is
    how long a new task cannot be found by its business id. `link_life` is how long a link lives that a look handed out,
    `file_life` how long the file behind all of them. `in_flight` caps the tasks that run at once, 0 for no cap.
    `paint` lets the videos of the first `MOST_PAINTED` tasks show what was asked for, with the extra `media`.
    `absent` is the status of the answer for an unknown task, 404 (documented) or 400 (seen).
    """

    speed: float = 1.0
    seed: int = 0
    group: Literal["default", "vip", "svip"] = "default"
    balance_usd: float = 1_000_000.0
    unlimited: bool = False
    bad_keys: tuple[str, ...] = ("sk-bad",)
    business_ids: Literal["honoured", "echoed", "ignored"] = "honoured"
    visible_after: float = 0.0
    absent: Literal[404, 400] = 404
    link_life: float = DAY
    file_life: float = DAY
    in_flight: int = 0
    median: float = 90.0
    sigma: float = 0.4
    clip_bytes: int = 0
    paint: bool = False


def price(mode: str, *, audio: bool, seconds: int) -> Decimal:
    """Return the USD that a video costs."""
    return USD_PER_SECOND[mode, audio] * seconds


def in_credits(usd: Decimal) -> str:
    """Return the same in credits, as the decimal string that the service writes."""
    return plain(usd * CREDITS_PER_USD)


def plain(amount: Decimal) -> str:
    """Return an amount as a decimal string without needless zeros or exponents."""
    return f"{amount.normalize():f}"
