"""The figures of an answer - progress, times, money - each read so that an absurd one is no figure at all."""

import re
from decimal import Decimal, InvalidOperation

from kling_batch.api.answers import Billing
from kling_batch.api.json_body import at

CREDITS_PER_USD = 200  # contract section 5.3
_SPELLED = re.compile(r"[+-]?[0-9.]{1,40}(?:[eE][+-]?[0-9]{1,6})?")
_LEAST_DIGIT, _MOST_DIGIT = -18, 12  # places beyond which a number is no sum of money, count or time
_LAST_SECOND = 10**11  # larger Unix times are in milliseconds


def decimal_of(value: object) -> Decimal | None:
    """Return a number, written as one or as text, exactly; `None` for what is none, is not finite or is absurd."""
    match value:
        case Decimal():
            number = value
        case str() if _SPELLED.fullmatch(value.strip()):
            try:
                number = Decimal(value.strip())
            except InvalidOperation:
                return None
        case _:
            return None
    if not number.is_finite() or (number and not _LEAST_DIGIT <= number.adjusted() <= _MOST_DIGIT):
        return None
    return number


def money_of(value: object) -> Decimal | None:
    """Return an amount that is not negative; `None` for anything else."""
    amount = decimal_of(value)
    return None if amount is None or amount < 0 else amount


def progress_of(value: object) -> int | None:
    """Return a progress of `42`, `"42"` or `"42%"` within 0 to 100; `None` where there is none."""
    if isinstance(value, str):
        value = value.strip().removesuffix("%").strip()
    if isinstance(value, Decimal) and not value.is_nan():
        return int(min(max(value, Decimal(0)), Decimal(100)))
    number = decimal_of(value)
    return None if number is None else int(min(max(number, Decimal(0)), Decimal(100)))


def unix_seconds_of(value: object) -> int | None:
    """Return a moment in Unix seconds, also where it is told in milliseconds; `None` for what is none."""
    number = money_of(value)
    if not number:
        return None
    return int(number / 1000) if number >= _LAST_SECOND else int(number)


def billing_of(task: object) -> Billing | None:
    """Return what a task's `billing` block says (contract section 2.1), credits as USD; `None` if absent."""
    block = at(task, "billing")
    if not isinstance(block, dict) or not block:
        return None
    if str(block.get("status")).strip().lower() == "refunded":
        return Billing(usd=Decimal(0), refunded=True)
    usd, credits_ = money_of(block.get("cost_usd")), money_of(block.get("credits"))
    if usd is None and credits_ is not None:
        usd = credits_ / CREDITS_PER_USD
    return Billing(usd=usd)
