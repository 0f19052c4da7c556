"""What a request is expected to cost: a dated table as data, overridable in the manifest; unknown is never zero."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from kling_batch.job import Mode, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD for each second of video of one kind; the fields that are `None` match any value."""

    usd_per_second: Decimal
    model: str | None = None
    mode: Mode | None = None
    audio: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """A price table, the first match wins, with its source and date (`2026-04-24`) to be shown beside each sum."""

    table: tuple[Price, ...]
    source: str
    date: str

    def usd(self, request: Request) -> Decimal | None:
        """Return the price of a request in USD, or `None` where the table does not know it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """USD of what is known, and how many prices are not."""

    usd: Decimal
    unknown: int = 0


def total(prices: Iterable[Decimal | None]) -> Sum:
    """Add prices up, counting the unknown ones apart."""
    raise NotImplementedError
