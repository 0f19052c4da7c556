"""Several manifests told together: each under its name, and what they come to."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from kling_batch.job import Json
from kling_batch.plan.cost import Prices, total
from kling_batch.plan.diff import Change, Plan, counts
from kling_batch.report.money import exact
from kling_batch.report.plan_data import plan_csv, plan_json, plan_markdown
from kling_batch.report.plan_groups import cost
from kling_batch.report.plan_text import budget_line, plan_text, totals
from kling_batch.report.status import Status, status_csv, status_json, status_text
from kling_batch.report.table import comma_separated
from kling_batch.text.plain import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The plan of one manifest, and the prices that count for it."""

    manifest: str
    plan: Plan
    prices: Prices


def plans_text(parts: Sequence[Planned]) -> str:
    """Return plans for a terminal; several end in the totals of all."""
    if len(parts) == 1:
        return plan_text(parts[0].plan.changes, parts[0].prices) + budget_line(parts[0].plan)
    told = [
        f"{plain(each.manifest)}\n\n{plan_text(each.plan.changes, each.prices)}{budget_line(each.plan)}\n"
        for each in parts
    ]
    return "".join([*told, f"together: {together(parts)}\n"])


def together(parts: Sequence[Planned]) -> str:
    """Return what plans come to, in one line."""
    return totals(_all(parts), parts[0].prices)


def plans_json(parts: Sequence[Planned]) -> dict[str, Json]:
    """Return one plan as design section 7 has it, several under `manifests`, with what they come to."""
    told = [plan_json(each.plan.changes) for each in parts]
    if len(told) == 1:
        return told[0]
    money = cost(_all(parts))
    return {
        "manifests": [{"manifest": each.manifest, **one} for each, one in zip(parts, told, strict=True)],
        "counts": {action.value: number for action, number in counts(_all(parts)).items()},
        "usd": None if money.unknown else exact(money.usd),
    }


def plans_csv(parts: Sequence[Planned]) -> str:
    """Return plans as one table."""
    return stacked([(each.manifest, plan_csv(each.plan.changes)) for each in parts])


def plans_markdown(parts: Sequence[Planned]) -> str:
    """Return plans for a comment on a pull request."""
    told = [plan_markdown(each.plan.changes, each.prices) for each in parts]
    if len(told) == 1:
        return told[0]
    named = [f"`{plain(each.manifest).replace('`', chr(39))}`\n\n{one}" for each, one in zip(parts, told, strict=True)]
    return "\n".join([f"**Together: {together(parts)}**", "", *named])


def statuses_text(parts: Sequence[Status]) -> str:
    """Return statuses for a terminal, each under the name of its manifest where there are several."""
    if len(parts) == 1:
        return status_text(parts[0])
    return "\n".join(f"{plain(each.manifest)}\n\n{status_text(each)}" for each in parts)


def statuses_json(parts: Sequence[Status]) -> dict[str, Json]:
    """Return one status as design section 7 has it, several under `manifests`, with their money together."""
    told = [status_json(each) for each in parts]
    if len(told) == 1:
        return told[0]
    left = total(each.left for each in parts)
    billed = sum((each.billed for each in parts), Decimal(0))
    return {
        "manifests": list(told),
        "usd": {"billed": exact(billed), "left": None if left.unknown else exact(left.usd)},
    }


def statuses_csv(parts: Sequence[Status]) -> str:
    """Return statuses as one table."""
    return stacked([(each.manifest, status_csv(each)) for each in parts])


def stacked(tables: Sequence[tuple[str, str]]) -> str:
    """Return CSV tables as one with a column `manifest` before all of theirs; a single one as it is."""
    if len(tables) == 1:
        return tables[0][1]
    read = [(name, list(csv.DictReader(io.StringIO(text)))) for name, text in tables]
    fields = list(dict.fromkeys(field for _, rows in read for row in rows for field in row))
    every = ((name, *(row.get(field, "") for field in fields)) for name, rows in read for row in rows)
    return comma_separated(("manifest", *fields), every)


def _all(parts: Sequence[Planned]) -> tuple[Change, ...]:
    return tuple(change for each in parts for change in each.plan.changes)
