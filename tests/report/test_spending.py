"""What a run spends."""

from decimal import Decimal

from glances import completed, done, failed, intended, submitted

from kling_batch.events import Cleared, Event, Lost
from kling_batch.job import Key
from kling_batch.plan.cost import Sum
from kling_batch.report.spending import Spending, caps

KEY = Key("hero#1")
NOTHING = Sum(usd=Decimal(0))
PRICE = Sum(usd=Decimal("0.184"))


def spending(*events: Event, **given: object) -> Spending:
    seen = Spending(**given)  # type: ignore[arg-type]  # a table of arguments
    for event in events:
        seen.see(event)
    return seen


def test_a_price_goes_from_committed_to_spent_once_it_is_settled() -> None:
    seen = spending(intended(KEY), submitted(KEY))
    assert (seen.committed, seen.spent) == (PRICE, NOTHING)

    seen.see(completed(KEY, Decimal("0.2")))
    seen.see(done(KEY))

    assert (seen.committed, seen.spent) == (NOTHING, Sum(usd=Decimal("0.2")))


def test_a_price_that_billing_does_not_tell_is_the_expected_one() -> None:
    assert spending(intended(KEY), completed(KEY), done(KEY)).spent == PRICE


def test_a_refunded_failure_costs_nothing_and_a_silent_one_its_price() -> None:
    assert spending(intended(KEY), failed(KEY, usd=Decimal(0))).spent == NOTHING
    assert spending(intended(KEY), failed(KEY)).spent == PRICE


def test_every_attempt_that_was_billed_counts() -> None:
    seen = spending(intended(KEY), failed(KEY), intended(KEY), done(KEY))

    assert seen.spent == Sum(usd=Decimal("0.368"))


def test_an_intent_that_bought_nothing_costs_nothing() -> None:
    seen = spending(intended(KEY), Cleared(key=KEY, why="refused"))

    assert (seen.committed, seen.spent) == (NOTHING, NOTHING)


def test_an_unknown_price_is_never_zero() -> None:
    seen = spending(intended(KEY, None))
    assert seen.committed == Sum(usd=Decimal(0), unknown=1)

    seen.see(Lost(key=KEY, why="link dead"))

    assert (seen.committed, seen.spent) == (NOTHING, Sum(usd=Decimal(0), unknown=1))


def test_what_an_earlier_run_sent_is_committed_and_was_spent_by_that_run() -> None:
    seen = spending(earlier={KEY: Decimal("0.5")}, caps=caps((Decimal(10), Decimal(4))))
    assert (seen.committed, seen.left) == (Sum(usd=Decimal("0.5")), Decimal(6))

    for event in (intended(KEY), Cleared(key=KEY, why="busy"), intended(KEY), done(KEY)):
        seen.see(event)

    assert (seen.committed, seen.spent, seen.left) == (NOTHING, NOTHING, Decimal(6))


def test_the_tightest_budget_is_told_with_what_it_leaves() -> None:
    both = caps((Decimal(10), Decimal(4)), (Decimal(5), Decimal(0)), (None, Decimal(0)))

    seen = spending(intended(KEY), intended(Key("hero#2")), completed(KEY), caps=both)

    assert (seen.budget, seen.left) == (Decimal(5), Decimal("4.632"))


def test_a_budget_that_is_passed_leaves_nothing() -> None:
    assert spending(intended(KEY), caps=caps((Decimal(1), Decimal(3)))).left == 0


def test_without_a_budget_nothing_is_left_to_tell() -> None:
    assert (spending().budget, spending().left) == (None, None)
