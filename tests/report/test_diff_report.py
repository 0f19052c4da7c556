"""Differences between two revisions as people and programs read them."""

from decimal import Decimal

from kling_batch.job import Key
from kling_batch.plan.cost import default_prices
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.revisions import Difference, Differences, Kind
from kling_batch.report.diff_report import diff_json, diff_markdown, diff_text

NAMES = ("main", "working tree")


def created(number: int, usd: str | None = "0.184") -> Difference:
    key = Key(f"hero/n=n{number}#1")
    price = None if usd is None else Decimal(usd)
    change = Change(key=key, action=Action.CREATE, because="not in the lock yet", pays=True, usd=price)
    return Difference(key=key, kind=Kind.CREATED, because="new", change=change, pays=True)


def test_an_unknown_price_is_never_nothing() -> None:
    found = Differences(jobs=(created(1), created(2, None)), waiting=())

    assert "2 created ($0.18 + 1 of unknown price)" in diff_text(found, default_prices(), NAMES)
    assert diff_json(found, NAMES)["usd"] is None


def test_very_many_jobs_are_told_as_a_number() -> None:
    found = Differences(jobs=tuple(created(number) for number in range(1000)), waiting=())

    assert "... and 800 more\n" in diff_text(found, default_prices(), NAMES)
    assert "| and 700 more |" in diff_markdown(found, default_prices(), NAMES)
    assert len(diff_markdown(found, default_prices(), NAMES)) < 65_536


def test_a_comment_without_differences_is_one_line() -> None:
    found = Differences(jobs=(), waiting=())

    assert diff_markdown(found, default_prices(), NAMES) == "### Diff main..working tree: no job is another one.\n"


def test_what_a_key_says_does_nothing_in_a_comment() -> None:
    key = Key("hero/n=`|@you#1")
    found = Differences(jobs=(Difference(key=key, kind=Kind.ORPHANED, because="<b> @you | gone"),), waiting=())

    table = diff_markdown(found, default_prices(), ("@main", "x"))

    assert "`hero/n='/@you#1`" in table
    assert "&#60;b&#62; &#64;you &#124; gone" in table
    assert "Diff &#64;main..x" in table
