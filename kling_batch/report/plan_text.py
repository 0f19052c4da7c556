"""A plan for a terminal: every change that matters, long rows of equals folded, what it costs, one line of totals."""

from collections.abc import Iterator, Sequence

from kling_batch.plan.cost import Prices
from kling_batch.plan.diff import Action, Change, Plan
from kling_batch.report.money import amount, price, several, total
from kling_batch.report.plan_groups import SIGNS, WORDS, Group, by_action, by_axis, by_shot, cost
from kling_batch.report.table import aligned
from kling_batch.text.plain import plain

ROWS = 10
"""How many changes of one action are told one by one in a shot; some more than that are folded."""

SHOTS = 20
VALUES = 8


def plan_text(changes: Sequence[Change], prices: Prices) -> str:
    """Return the whole plan, its last line the totals; `changes` in the order of `plan.diff.compare`."""
    shots = by_shot(changes)
    telling = [group for group in shots if any(_is_told(change) for change in group.changes)]
    lines = [line for group in telling[:SHOTS] for line in _shot(group)]
    if len(telling) > SHOTS:
        rest = [change for group in telling[SHOTS:] for change in group.changes]
        lines += [f"and {several(len(telling) - SHOTS, 'more shot')}: {_counted(rest)}", ""]
    lines += _orphans(changes)
    if any(change.pays for change in changes):
        lines += [*_costs(shots, changes), f"prices from {plain(prices.source)}", ""]
    return "\n".join([*lines, totals(changes, prices), ""])


def totals(changes: Sequence[Change], prices: Prices) -> str:
    """Return a plan in one line: `Plan: 12 to create ($2.21), 3 to keep. prices of 2026-04-24 (estimate)`."""
    if not changes:
        return "Plan: no jobs."
    paying = {change.action for change in changes if change.pays}
    together = f", {total(cost(changes))} together" if len(paying) > 1 else ""
    dated = f" prices of {plain(prices.date)} (estimate)" if paying else ""
    return f"Plan: {_counted(changes)}{together}.{dated}"


def budget_line(plan: Plan) -> str:
    """Return what a plan means for the campaign's budget, or nothing where there is none."""
    budget = plan.settings.budget
    if budget is None:
        return ""
    after = plan.spent + cost(plan.changes).usd
    over = f"; this plan goes {amount(after - budget)} past it, and a run stops there" if after > budget else ""
    return f"budget: {amount(plan.spent)} of {amount(budget)} spent or committed{over}\n"


def _counted(changes: Sequence[Change]) -> str:
    return ", ".join(_count(action, group) for action, group in by_action(changes))


def _count(action: Action, group: Sequence[Change]) -> str:
    money = f" ({total(cost(group))})" if any(change.pays for change in group) else ""
    return f"{len(group):,} {WORDS[action]}{money}{_elsewhere(group)}"


def _elsewhere(group: Sequence[Change]) -> str:
    absent = sum(change.mark == "elsewhere" for change in group)
    return f" ({absent:,} of them elsewhere)" if absent else ""


def _is_told(change: Change) -> bool:
    """Say whether a change is worth a line of its own: what is kept is not, unless its file is another one now."""
    return change.action is not Action.KEEP or change.mark == "changed"


def _shot(group: Group) -> Iterator[str]:
    yield plain(group.name)
    rows = [row for action, some in by_action(group.changes) for row in _rows(action, some)]
    yield from aligned(rows, right=(4,), indent="  ")
    yield ""


def _rows(action: Action, group: Sequence[Change]) -> Iterator[tuple[str, ...]]:
    told = [change for change in group if _is_told(change)]
    shown = told if len(told) <= ROWS + 2 else told[:ROWS]
    for change in shown:
        yield _row(change)
    folded = told[len(shown) :]
    if folded:
        yield ("", "", f"... and {len(folded):,} more {WORDS[action]}", "", _money(folded))
    silent = [change for change in group if not _is_told(change)]
    if silent:
        yield (SIGNS[action], action.value, several(len(silent), "job") + _elsewhere(silent))


def _row(change: Change) -> tuple[str, ...]:
    because = f"{change.because} ({change.mark})" if change.mark else change.because
    return (SIGNS[change.action], change.action.value, change.key, because, price(change.usd) if change.pays else "")


def _money(changes: Sequence[Change]) -> str:
    return total(cost(changes)) if any(change.pays for change in changes) else ""


def _orphans(changes: Sequence[Change]) -> list[str]:
    orphans = [change for change in changes if change.action is Action.ORPHAN]
    if not orphans:
        return []
    return ["no longer in the manifest", *aligned(list(_rows(Action.ORPHAN, orphans)), indent="  "), ""]


def _costs(shots: Sequence[Group], changes: Sequence[Change]) -> Iterator[str]:
    paying = [group for group in shots if any(change.pays for change in group.changes)]
    if len(paying) > 1:
        yield "cost by shot"
        rows = [(group.name, _jobs(group), total(group.cost)) for group in paying[:SHOTS]]
        yield from aligned(rows, right=(1, 2), indent="  ")
        if len(paying) > SHOTS:
            yield f"  ... and {several(len(paying) - SHOTS, 'more shot')}"
    axes = by_axis(changes)
    if axes:
        yield "cost by axis"
        yield from aligned([(axis, _values(values)) for axis, values in axes], indent="  ")


def _jobs(group: Group) -> str:
    return several(sum(change.pays for change in group.changes), "job")


def _values(values: Sequence[Group]) -> str:
    shown = [f"{value.name} {total(value.cost)}" for value in values[:VALUES]]
    rest = values[VALUES:]
    if rest:
        together = cost(change for value in rest for change in value.changes)
        shown.append(f"{several(len(rest), 'more value')} {total(together)}")
    return ", ".join(shown)
