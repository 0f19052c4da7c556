"""Money and counts as people read them; an unknown price is said, never added as zero."""

from decimal import ROUND_HALF_UP, Decimal

from kling_batch.plan.cost import Sum

CENT = Decimal("0.01")


def price(usd: Decimal | None) -> str:
    """Return the price of one thing to the last digit that counts: `$0.184`, `$0.30`, or `price unknown`."""
    if usd is None:
        return "price unknown"
    exact = usd.normalize()
    return f"${usd.quantize(CENT) if exact == exact.quantize(CENT) else exact:f}"


def amount(usd: Decimal) -> str:
    """Return a sum to the cent: `$2.21`; less than a cent stands as it is, for it is not nothing."""
    if Decimal(0) < abs(usd) < CENT:
        return f"${usd.normalize():f}"
    return f"${usd.quantize(CENT, rounding=ROUND_HALF_UP):f}"


def total(of: Sum) -> str:
    """Return a sum with what is missing from it: `$2.21 + 2 of unknown price`."""
    if not of.unknown:
        return amount(of.usd)
    unknown = f"{of.unknown} of unknown price"
    return f"{amount(of.usd)} + {unknown}" if of.usd else unknown


def exact(usd: Decimal | None) -> str | None:
    """Return an amount as JSON carries it: a decimal string without an exponent, `null` where it is unknown."""
    return None if usd is None else f"{usd.normalize():f}"


def several(number: int, noun: str) -> str:
    """Return a number with its noun: `1 job`, `2 jobs`, `1,000 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a time as people say it: `8 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = max(0, round(seconds))
    if whole < 60:  # noqa: PLR2004 - the seconds of a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - the minutes of an hour
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if left else f"{hours} h"
