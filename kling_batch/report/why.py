"""Why a plan does what it does with one job: its reason, what of the request changed, and what the lock knows of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kling_batch.job import PARTS, Json
from kling_batch.plan.diff import Change
from kling_batch.plan.encode import payload
from kling_batch.plan.record import Record
from kling_batch.report.money import exact, price
from kling_batch.report.table import aligned
from kling_batch.report.worddiff import marked, word_diff
from kling_batch.text.plain import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One change of a plan, and the request that made the video which is there.

    `before` is that request in the API's field names, `told_by` who says so; `None` where nobody knows it any more.
    `made` is the draw that it is compared with.
    """

    change: Change
    made: Record | None
    before: Mapping[str, Json] | None
    told_by: str


def why_json(why: Why) -> dict[str, Json]:
    """Return an explanation as data."""
    change, then, now = why.change, _prompt(why.before), _now(why)
    diff = word_diff(then, now) if then is not None and now is not None and then != now else ()
    return {
        "key": change.key,
        "action": change.action.value,
        "because": change.because,
        "pays": change.pays,
        "usd": exact(change.usd),
        "parts": [{"part": name, "lock": old, "manifest": new} for name, old, new in _parts(why)],
        "prompt": {
            "before": then,
            "now": now,
            "told_by": why.told_by or None,
            "diff": [[kind, text] for kind, text in diff],
        },
        "parameters": {name: [old, new] for name, old, new in _changed_fields(why)},
        "record": payload(change.record) if change.record else None,
    }


def why_text(why: Why) -> str:
    """Return an explanation for a terminal."""
    change = why.change
    paid = f", {price(change.usd)}" if change.pays else ", pays nothing"
    lines = [f"{plain(change.key)}: {change.action.value}{paid}", f"  {plain(change.because)}"]
    for section in (_part_lines(why), _prompt_lines(why), _field_lines(why), _record_lines(change.record)):
        told = list(section)
        lines += ["", *told] if told else []
    return "\n".join([*lines, ""])


def _parts(why: Why) -> Iterator[tuple[str, str, str]]:
    old = why.made.parts if why.made else ()
    new = why.change.job.spec.parts if why.change.job else ()
    for number, name in enumerate(PARTS):
        yield name, _part(old, number), _part(new, number)


def _part(parts: Sequence[str], number: int) -> str:
    return parts[number] if number < len(parts) else ""


def _part_lines(why: Why) -> Iterator[str]:
    rows = [
        (name, old, new, "changed" if old and new and old != new else "")
        for name, old, new in _parts(why)
        if old or new
    ]
    yield from aligned([("part", "lock", "manifest"), *rows], indent="  ")


def _prompt_lines(why: Why) -> Iterator[str]:
    then, now = _prompt(why.before), _now(why)
    if why.made is None or now is None or then == now:
        return
    if then is None:
        if why.made.parts[:1] != (why.change.job.spec.parts[:1] if why.change.job else ()):
            yield "  the old prompt is not known any more: no sidecar, and git cannot render it"
        return
    yield f"  prompt, against that of {plain(why.told_by)}"
    yield from (f"    {plain(line)}" for line in marked(word_diff(then, now)).splitlines())


def _field_lines(why: Why) -> Iterator[str]:
    rows = [(name, _shown(old), "->", _shown(new)) for name, old, new in _changed_fields(why)]
    yield from aligned(rows, indent="  ")


def _changed_fields(why: Why) -> Iterator[tuple[str, Json, Json]]:
    job = why.change.job
    if why.before is None or job is None:
        return
    now = job.request.body()
    for name in dict.fromkeys((*why.before, *now)):
        if name != "prompt" and why.before.get(name) != now.get(name):
            yield name, why.before.get(name), now.get(name)


def _record_lines(record: Record | None) -> Iterator[str]:
    if record is None:
        return
    rows = [("in the lock", _state(record)), ("task", record.task or ""), ("file", record.output or "")]
    rows += [("cost", "" if record.spent is None else price(record.spent)), ("reason", record.reason)]
    rows += [("failure", f"{record.failure.kind}: {record.failure.message}" if record.failure else "")]
    rows += [("earlier", _draw(each)) for each in reversed(record.past)]
    yield from aligned([row for row in rows if row[1]], indent="  ")


def _state(record: Record) -> str:
    return f"{record.state.value}, generation {record.generation}, attempt {record.attempt}"


def _draw(record: Record) -> str:
    money = "" if record.spent is None else f", {price(record.spent)}"
    return f"{_state(record)}{money}, {record.output or 'its file not kept'}"


def _prompt(body: Mapping[str, Json] | None) -> str | None:
    found = body.get("prompt") if body else None
    return found if isinstance(found, str) else None


def _now(why: Why) -> str | None:
    return why.change.job.request.prompt if why.change.job else None


def _shown(value: Json) -> str:
    return "not sent" if value is None else str(value)
