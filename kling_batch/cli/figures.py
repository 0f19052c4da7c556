"""Figures on the command line that must be figures: click's own types would take a budget of NaN."""

import math
from decimal import Decimal, InvalidOperation

import rich_click as click

MOST = 1_000_000_000  # USD, as in the manifest's schema


class Usd(click.ParamType[Decimal]):
    """An amount of money in USD: finite, not negative."""

    name = "USD"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Return the amount exactly as it was written; fails with a usage error."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"`{value}` is not an amount such as 12.50", param, ctx)
        if not amount.is_finite() or amount < 0:
            self.fail(f"`{value}` is not an amount of 0 or more", param, ctx)
        if amount > MOST:
            self.fail(f"`{value}` is more than {MOST:,}", param, ctx)
        return amount


class Speed(click.ParamType[float]):
    """How many times faster than real a sandbox runs: finite, above zero."""

    name = "X"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the factor; fails with a usage error."""
        try:
            factor = float(str(value))
        except ValueError:
            self.fail(f"`{value}` is not a number such as 45", param, ctx)
        if not math.isfinite(factor) or factor <= 0:
            self.fail(f"`{value}` is not a number above 0", param, ctx)
        return factor
