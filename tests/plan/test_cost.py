from decimal import Decimal

import pytest

from kling_batch.job import Request
from kling_batch.manifest.model import PriceOverride
from kling_batch.plan.cost import Sum, default_prices, total, with_overrides


@pytest.mark.parametrize(
    ("fields", "usd"),
    [
        ({}, "0.184"),
        ({"mode": "std", "duration": 10}, "0.368"),
        ({"mode": "pro"}, "0.3125"),
        ({"mode": "pro", "duration": 10}, "0.625"),
        ({"mode": "pro", "audio": True}, "0.625"),
        ({"mode": "pro", "audio": True, "duration": 10}, "1.25"),
    ],
)
def test_the_dated_table_is_that_of_the_contract(fields: dict[str, object], usd: str) -> None:
    price = default_prices().usd(Request(prompt="a", **fields))  # type: ignore[arg-type]  # as a manifest says it

    assert str(price) == usd


def test_the_table_tells_its_source_and_date() -> None:
    assert default_prices().date == "2026-04-24"
    assert "ToAPIs" in default_prices().source


@pytest.mark.parametrize("request_", [Request(prompt="a", audio=True), Request(prompt="a", model="kling-v3")])
def test_what_the_table_does_not_know_has_no_price(request_: Request) -> None:
    assert default_prices().usd(request_) is None


def test_a_manifests_own_prices_come_first_and_in_order() -> None:
    own = (
        PriceOverride(usd_per_second=Decimal(2), mode="pro", audio=False),
        PriceOverride(usd_per_second=Decimal(1)),
    )

    prices = with_overrides(default_prices(), own)

    assert prices.usd(Request(prompt="a", mode="pro")) == 10
    assert prices.usd(Request(prompt="a", mode="pro", audio=True)) == 5
    assert prices.usd(Request(prompt="a", model="kling-v3", duration=10)) == 10


def test_a_whole_price_is_written_without_an_exponent() -> None:
    prices = with_overrides(default_prices(), [PriceOverride(usd_per_second=Decimal(2))])

    assert str(prices.usd(Request(prompt="a"))) == "10"


def test_unknown_prices_are_counted_and_never_zero() -> None:
    assert total([Decimal("0.1"), None, Decimal("0.2"), None]) == Sum(usd=Decimal("0.3"), unknown=2)
    assert total([]) == Sum(usd=Decimal(0))
