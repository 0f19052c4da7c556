"""A plan for programs: the JSON of design section 7, CSV, and the Markdown of a comment on a pull request."""

from collections.abc import Iterator, Sequence

from kling_batch.job import Json
from kling_batch.plan.cost import Prices
from kling_batch.plan.diff import Action, Change, counts
from kling_batch.report.money import exact, price, several, total
from kling_batch.report.plan_groups import SIGNS, Group, by_action, by_shot, cost
from kling_batch.report.plan_text import totals
from kling_batch.report.table import comma_separated
from kling_batch.text.plain import plain

FIELDS = ("key", "action", "because", "pays", "usd")
ROWS = 300
"""A comment on a pull request holds 65,536 characters; so many rows fit with room to spare."""

ENTITIES = {ord(each): f"&#{ord(each)};" for each in r"&<>\`*_[]|~@#!"}


def plan_json(changes: Sequence[Change]) -> dict[str, Json]:
    """Return a plan as design section 7 has it; amounts are decimal strings, a sum with an unknown part is `null`."""
    money = cost(changes)
    return {
        "changes": [
            {
                "key": change.key,
                "action": change.action.value,
                "because": change.because,
                "pays": change.pays,
                "usd": exact(change.usd) if change.pays else None,
            }
            for change in changes
        ],
        "counts": {action.value: number for action, number in counts(changes).items()},
        "usd": None if money.unknown else exact(money.usd),
    }


def plan_csv(changes: Sequence[Change]) -> str:
    """Return a plan as CSV for a spreadsheet, one change a row; an empty `usd` where it is unknown or nothing."""
    rows = (
        (
            change.key,
            change.action.value,
            change.because,
            "true" if change.pays else "false",
            (exact(change.usd) or "") if change.pays else "",
        )
        for change in changes
    )
    return comma_separated(FIELDS, rows)


def plan_markdown(changes: Sequence[Change], prices: Prices) -> str:
    """Return a plan as GitHub's Markdown: totals first, a row a shot, the changes themselves folded away."""
    told = [change for change in changes if change.action is not Action.KEEP]
    lines = [f"### {_inert(totals(changes, prices))}", "", *_shots(by_shot(changes))]
    if told:
        lines += [
            "",
            f"<details><summary>{several(len(told), 'change')}</summary>",
            "",
            *_changes(told),
            "",
            "</details>",
        ]
    return "\n".join([*lines, ""])


def _shots(groups: Sequence[Group]) -> Iterator[str]:
    actions = [action for action, _ in by_action(change for group in groups for change in group.changes)]
    yield _row("shot", *(action.value for action in actions), "USD")
    yield _row("---", *("---:" for _ in (*actions, "USD")))
    for group in groups:
        numbers = dict(by_action(group.changes))
        yield _row(_inert(group.name), *(str(len(numbers.get(action, ()))) for action in actions), total(group.cost))


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    yield _row("", "job", "why", "USD")
    yield _row("---", "---", "---", "---:")
    for change in changes[:ROWS]:
        money = price(change.usd) if change.pays else ""
        action = f"`{SIGNS[change.action]}` {change.action.value}"
        yield _row(action, _code(change.key), _inert(change.because), money)
    if len(changes) > ROWS:
        yield _row("", f"and {len(changes) - ROWS:,} more", "", "")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _inert(text: str) -> str:
    """Return text that Markdown shows as it is: no cell ends in it, nobody is mentioned, nothing becomes a link."""
    return plain(text).translate(ENTITIES)


def _code(key: str) -> str:
    return "`" + plain(key).replace("`", "'").replace("|", "/") + "`"
