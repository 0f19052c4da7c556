"""Money and times as people read them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.plan.cost import Sum
from kling_batch.report.money import amount, duration, exact, price, several, total


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0.184", "$0.184"),
        ("0.3125", "$0.3125"),
        ("0.30", "$0.30"),
        ("1.250", "$1.25"),
        ("0", "$0.00"),
        ("4E+1", "$40.00"),
    ],
)
def test_a_price_is_told_to_the_last_digit_that_counts(usd: str, text: str) -> None:
    assert price(Decimal(usd)) == text


def test_an_unknown_price_is_said_to_be_unknown() -> None:
    assert price(None) == "price unknown"


@pytest.mark.parametrize(("usd", "text"), [("2.208", "$2.21"), ("0.004", "$0.004"), ("0", "$0.00"), ("0.995", "$1.00")])
def test_a_sum_is_told_to_the_cent_but_never_as_nothing(usd: str, text: str) -> None:
    assert amount(Decimal(usd)) == text


def test_what_is_missing_from_a_sum_is_told_beside_it() -> None:
    assert total(Sum(usd=Decimal("2.21"))) == "$2.21"
    assert total(Sum(usd=Decimal("2.21"), unknown=2)) == "$2.21 + 2 of unknown price"
    assert total(Sum(usd=Decimal(0), unknown=2)) == "2 of unknown price"


@given(st.decimals(min_value=0, max_value=10**6, allow_nan=False, places=4))
def test_an_exact_amount_reads_back_as_the_same_amount(usd: Decimal) -> None:
    text = exact(usd)

    assert text is not None
    assert Decimal(text) == usd
    assert "E" not in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (-1, "0 s"), (59.4, "59 s"), (60, "1 min"), (185, "3 min 5 s"), (3600, "1 h"), (7800, "2 h 10 min")],
)
def test_a_time_is_told_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_one_is_not_plural() -> None:
    assert several(1, "job") == "1 job"
    assert several(1000, "job") == "1,000 jobs"
