"""A plan for programs: the JSON of design section 7, CSV, and the Markdown of a comment on a pull request."""

from collections.abc import Iterator, Sequence

from kling_batch.job import Json
from kling_batch.plan.cost import Prices
from kling_batch.plan.diff import Action, Change, counts
from kling_batch.report.markdown import ROWS, code, inert, row
from kling_batch.report.money import exact, price, several, total
from kling_batch.report.plan_groups import SIGNS, Group, by_action, by_shot, cost
from kling_batch.report.plan_text import totals
from kling_batch.report.table import comma_separated

FIELDS = ("key", "action", "because", "pays", "usd")


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
    lines = [f"### {inert(totals(changes, prices))}", "", *_shots(by_shot(changes))]
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
    yield row("shot", *(action.value for action in actions), "USD")
    yield row("---", *("---:" for _ in (*actions, "USD")))
    for group in groups:
        numbers = dict(by_action(group.changes))
        yield row(inert(group.name), *(str(len(numbers.get(action, ()))) for action in actions), total(group.cost))


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    yield row("", "job", "why", "USD")
    yield row("---", "---", "---", "---:")
    for change in changes[:ROWS]:
        money = price(change.usd) if change.pays else ""
        action = f"`{SIGNS[change.action]}` {change.action.value}"
        yield row(action, code(change.key), inert(change.because), money)
    if len(changes) > ROWS:
        yield row("", f"and {len(changes) - ROWS:,} more", "", "")
