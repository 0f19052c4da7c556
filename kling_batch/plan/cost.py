"""What a request is expected to cost: a dated table as data, overridable in the manifest; unknown is never zero."""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from importlib import resources

from kling_batch.job import DEFAULTS, Mode, Request
from kling_batch.manifest.model import PriceOverride


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD for each second of video of one kind; the fields that are `None` match any value."""

    usd_per_second: Decimal
    model: str | None = None
    mode: Mode | str | None = None
    audio: bool | None = None

    def matches(self, model: str, mode: str, *, audio: bool) -> bool:
        """Whether this is the price of such a video."""
        return self.model in {None, model} and self.mode in {None, mode} and self.audio in {None, audio}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """A price table, the first match wins, with its source and date (`2026-04-24`) to be shown beside each sum."""

    table: tuple[Price, ...]
    source: str
    date: str
    _known: dict[tuple[object, ...], Decimal | None] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def usd(self, request: Request) -> Decimal | None:
        """Return the price of a request in USD, or `None` where the table does not know it."""
        kind = (request.model, request.mode, request.duration, request.audio)
        if kind not in self._known:  # a campaign has few kinds and many jobs
            self._known[kind] = self._usd(request)
        return self._known[kind]

    def _usd(self, request: Request) -> Decimal | None:
        mode, seconds = request.mode or DEFAULTS["mode"], request.duration or DEFAULTS["duration"]
        for price in self.table:
            if price.matches(request.model, str(mode), audio=bool(request.audio)):
                return _plain(price.usd_per_second * Decimal(str(seconds)))
        return None


def _plain(usd: Decimal) -> Decimal:
    """Return an amount without trailing zeros, and without the exponent that `normalize` gives to whole tens."""
    short = usd.normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral_value() else short


@functools.cache
def default_prices() -> Prices:
    """Return the dated table that is shipped (contract section 6)."""
    data = json.loads(resources.files(__package__).joinpath("prices.json").read_text(encoding="utf-8"))
    table = tuple(Price(**{**row, "usd_per_second": Decimal(row["usd_per_second"])}) for row in data["prices"])
    return Prices(table=table, source=data["source"], date=data["date"])


def with_overrides(prices: Prices, overrides: Iterable[PriceOverride]) -> Prices:
    """Return the table with a manifest's own `prices:` before it, in their order."""
    own = tuple(Price(usd_per_second=each.usd_per_second, mode=each.mode, audio=each.audio) for each in overrides)
    return replace(prices, table=(*own, *prices.table))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """USD of what is known, and how many prices are not."""

    usd: Decimal
    unknown: int = 0


def total(prices: Iterable[Decimal | None]) -> Sum:
    """Add prices up, counting the unknown ones apart."""
    every = tuple(prices)
    known = [price for price in every if price is not None]
    return Sum(usd=sum(known, Decimal(0)), unknown=len(every) - len(known))
