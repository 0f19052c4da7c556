"""A plan for programs."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kling_batch.plan.cost import Prices
from kling_batch.plan.diff import Action, Change
from kling_batch.report.plan_data import plan_csv, plan_json, plan_markdown
from kling_batch.report.table import comma_separated
from kling_batch.text.guard import UNSAFE
from kling_batch.text.plain import plain

Make = Callable[..., Change]
Golden = Callable[[str, str], None]


def test_the_json_has_exactly_the_fields_of_the_design(every_action: tuple[Change, ...], golden: Golden) -> None:
    golden("plan-every-action.json", json.dumps(plan_json(every_action), indent=1) + "\n")


def test_the_sum_is_null_where_a_price_is_unknown(make_change: Make) -> None:
    known, unknown = make_change(Action.CREATE), make_change(Action.CREATE, usd=None)

    assert plan_json([known, known])["usd"] == "0.368"
    assert plan_json([known, unknown])["usd"] is None
    assert plan_json([])["usd"] == "0"


def test_the_markdown_is_a_comment_for_a_pull_request(
    every_action: tuple[Change, ...], prices: Prices, golden: Golden
) -> None:
    golden("plan-every-action.md", plan_markdown(every_action, prices))


def test_markdown_cannot_be_broken_out_of(make_change: Make, prices: Prices) -> None:
    text = plan_markdown([make_change(Action.BLOCKED, because="| <img src=x> @team `x` [a](b) #1")], prices)

    row = next(line for line in text.splitlines() if "img" in line)
    assert row.count("|") == 5
    assert not set("<@[#") & set(row.replace("&#", "").partition("blocked")[2].replace("`hero#1`", ""))


def test_markdown_of_a_large_plan_fits_into_a_comment(make_change: Make, prices: Prices) -> None:
    changes = [make_change(Action.CREATE, lang=f"l{number}") for number in range(3000)]

    text = plan_markdown(changes, prices)

    assert len(text) < 65_536
    assert "and 2,700 more" in text


def test_the_csv_has_a_row_a_change(make_change: Make) -> None:
    changes = [make_change(Action.CREATE), make_change(Action.KEEP), make_change(Action.CREATE, usd=None)]

    rows = list(csv.DictReader(io.StringIO(plan_csv(changes))))

    assert [(row["action"], row["pays"], row["usd"]) for row in rows] == [
        ("create", "true", "0.184"),
        ("keep", "false", ""),
        ("create", "true", ""),
    ]


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_no_cell_of_a_csv_is_a_formula_and_none_is_lost(cells: list[str]) -> None:
    text = comma_separated(cells, [cells])

    header, row = csv.reader(io.StringIO(text, newline=""), strict=True)
    breaks = [cell.replace("\r\n", "\n").replace("\r", "\n") for cell in cells]
    written = [UNSAFE.sub(lambda found: plain(found[0]), cell) for cell in breaks]
    assert header == row
    assert [cell.removeprefix("'") for cell in row] == [cell.removeprefix("'") for cell in written]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d")) for cell in row)


def test_no_cell_of_a_csv_acts_on_a_terminal() -> None:
    assert comma_separated(["x"], [["a\x1b[31m\u202e\x00\ud800\tb\nc"]]) == 'x\n"a\\x1b[31m\\u202e\\x00\\ud800\tb\nc"\n'


def test_amounts_are_decimal_strings(make_change: Make) -> None:
    one = plan_json([make_change(Action.CREATE, usd=Decimal("1E+1"))])

    assert one["usd"] == "10"
