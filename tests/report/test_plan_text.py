"""A plan for a terminal."""

from collections.abc import Callable
from decimal import Decimal

from kling_batch.manifest.model import RunSettings
from kling_batch.plan.cost import Prices
from kling_batch.plan.diff import Action, Change, Plan
from kling_batch.report.plan_text import budget_line, plan_text, totals

Make = Callable[..., Change]
Golden = Callable[[str, str], None]


def test_every_action_is_told_with_its_sign_its_reason_and_its_price(
    every_action: tuple[Change, ...], prices: Prices, golden: Golden
) -> None:
    golden("plan-every-action.txt", plan_text(every_action, prices))


def test_a_thousand_jobs_fit_on_a_screen(make_change: Make, prices: Prices, golden: Golden) -> None:
    changes = [make_change(Action.CREATE, lang=f"l{number:03}", take=take) for number in range(500) for take in (1, 2)]

    text = plan_text(changes, prices)

    golden("plan-thousand.txt", text)


def test_hundreds_of_shots_are_folded_too(make_change: Make, prices: Prices) -> None:
    changes = [make_change(Action.CREATE, f"shot{number:03}") for number in range(300)]

    text = plan_text(changes, prices)

    assert "and 280 more shots: 280 to create ($51.52)" in text
    assert "300 to create ($55.20)" in text
    assert text.count("\n") < 100


def test_a_plan_that_keeps_everything_is_one_line(make_change: Make, prices: Prices) -> None:
    assert plan_text([make_change(Action.KEEP)] * 3, prices) == "Plan: 3 to keep.\n"


def test_a_plan_without_jobs_says_so(prices: Prices) -> None:
    assert totals([], prices) == "Plan: no jobs."


def test_the_totals_name_the_date_of_the_prices_and_never_add_an_unknown_one_as_zero(
    make_change: Make, prices: Prices
) -> None:
    known, unknown = make_change(Action.CREATE), make_change(Action.CREATE, take=2, usd=None)

    line = totals([known] * 12 + [unknown] * 2 + [make_change(Action.KEEP)] * 3, prices)

    assert line == ("Plan: 14 to create ($2.21 + 2 of unknown price), 3 to keep. prices of 2026-04-24 (estimate)")


def test_two_paying_actions_are_added_up(make_change: Make, prices: Prices) -> None:
    line = totals([make_change(Action.CREATE), make_change(Action.REDO)], prices)

    assert line.startswith("Plan: 1 to create ($0.18), 1 to redo ($0.18), $0.37 together.")


def test_hostile_text_cannot_act_on_the_terminal(make_change: Make, prices: Prices) -> None:
    text = plan_text([make_change(Action.BLOCKED, because="\x1b[2J[red]boo\u202e\nnext")], prices)

    assert "\x1b" not in text
    assert r"\x1b[2J[red]boo\u202e\nnext" in text


def test_the_budget_line_says_by_how_much_a_plan_goes_past_it(make_change: Make) -> None:
    def plan(budget: str | None) -> Plan:
        settings = RunSettings(budget=Decimal(budget) if budget else None)
        changes = (make_change(Action.CREATE),)
        return Plan(project="p", service="s", changes=changes, settings=settings, spent=Decimal("1.00"))

    assert budget_line(plan(None)) == ""
    assert budget_line(plan("2.00")) == "budget: $1.00 of $2.00 spent or committed\n"
    assert budget_line(plan("1.10")).endswith("this plan goes $0.08 past it, and a run stops there\n")
