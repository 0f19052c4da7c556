"""What changed between two revisions of a manifest: for a terminal, for programs, for a comment on a pull request."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from kling_batch.job import Json
from kling_batch.plan.cost import Prices, Sum
from kling_batch.plan.cost import total as summed
from kling_batch.plan.revisions import Difference, Differences, Kind
from kling_batch.report.markdown import ROWS, code, inert, row
from kling_batch.report.money import exact, price, several, total
from kling_batch.report.table import aligned
from kling_batch.text.plain import plain

SIGNS: Mapping[Kind, str] = {Kind.CREATED: "+", Kind.CHANGED: "~", Kind.MOVED: ">", Kind.ORPHANED: "-"}
LINES = 200
"""How many differences a terminal is told one by one; `--json` tells them all."""


def diff_text(found: Differences, prices: Prices, names: tuple[str, str]) -> str:
    """Return every difference on a line of its own, and the totals last; `names` are the older and newer revision."""
    rows = [
        (SIGNS[each.kind], each.kind.value, each.key, each.because, price(_usd(each)) if each.pays else "")
        for each in found.jobs
    ]
    lines = aligned(rows[:LINES], right=(4,))
    if len(rows) > LINES:
        lines.append(f"... and {len(rows) - LINES:,} more")
    return "\n".join([*lines, *([""] if lines else []), _totals(found, prices, names), *_waiting(found), ""])


def diff_json(found: Differences, names: tuple[str, str]) -> dict[str, Json]:
    """Return the same for programs; amounts are decimal strings, a sum with an unknown part is `null`."""
    money, waiting = _cost(found.jobs), summed(each.usd for each in found.waiting)
    return {
        "from": names[0],
        "to": names[1],
        "changes": [
            {
                "key": each.key,
                "change": each.kind.value,
                "because": each.because,
                "origin": each.origin,
                "pays": each.pays,
                "usd": exact(_usd(each)) if each.pays else None,
            }
            for each in found.jobs
        ],
        "counts": dict(Counter(each.kind.value for each in found.jobs)),
        "usd": None if money.unknown else exact(money.usd),
        "waiting": {"jobs": len(found.waiting), "usd": None if waiting.unknown else exact(waiting.usd)},
    }


def diff_markdown(found: Differences, prices: Prices, names: tuple[str, str]) -> str:
    """Return the same as GitHub's Markdown: totals first, the jobs folded away."""
    lines = [f"### {inert(_totals(found, prices, names))}", *(f"\n{inert(each)}" for each in _waiting(found))]
    if found.jobs:
        summary = several(len(found.jobs), "job")
        lines += ["", f"<details><summary>{summary}</summary>", "", *_table(found.jobs), "", "</details>"]
    return "\n".join([*lines, ""])


def _table(jobs: Sequence[Difference]) -> Iterator[str]:
    yield row("", "job", "why", "USD")
    yield row("---", "---", "---", "---:")
    for each in jobs[:ROWS]:
        sign = f"`{SIGNS[each.kind]}` {each.kind.value}"
        yield row(sign, code(each.key), inert(each.because), price(_usd(each)) if each.pays else "")
    if len(jobs) > ROWS:
        yield row("", f"and {len(jobs) - ROWS:,} more", "", "")


def _totals(found: Differences, prices: Prices, names: tuple[str, str]) -> str:
    between = f"{plain(names[0])}..{plain(names[1])}"
    if not found.jobs:
        return f"Diff {between}: no job is another one."
    by_kind = {kind: [each for each in found.jobs if each.kind is kind] for kind in Kind}
    counted = ", ".join(_count(kind, group) for kind, group in by_kind.items() if group)
    dated = f" prices of {plain(prices.date)} (estimate)" if any(each.pays for each in found.jobs) else ""
    return f"Diff {between}: {counted}.{dated}"


def _count(kind: Kind, group: Sequence[Difference]) -> str:
    money = f" ({total(_cost(group))})" if any(each.pays for each in group) else ""
    return f"{len(group):,} {kind.value}{money}"


def _waiting(found: Differences) -> tuple[str, ...]:
    if not found.waiting:
        return ()
    money = total(summed(each.usd for each in found.waiting))
    return (f"Besides, {several(len(found.waiting), 'job')} of before would be paid for in the next run ({money}).",)


def _cost(jobs: Sequence[Difference]) -> Sum:
    return summed(_usd(each) for each in jobs if each.pays)


def _usd(each: Difference) -> Decimal | None:
    return each.change.usd if each.change else None
