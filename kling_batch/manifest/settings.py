"""The settings of a manifest that are not about its jobs: how to run, and what is known of prices."""

import re
from decimal import Decimal

from kling_batch.job import Json
from kling_batch.manifest.model import PriceOverride, RunSettings
from kling_batch.manifest.tree import mapping, sequence

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}


def seconds(value: "Json") -> float | None:
    """Return a duration (`5s`, `20m`, `1h`, or plain seconds) in seconds, or `None` where it is none."""
    match value:
        case int() | float():
            return float(value)
        case str() if found := _DURATION.fullmatch(value):
            return float(found[1]) * _SECONDS[found[2]]
        case _:
            return None


def read_run(value: "Json") -> RunSettings:
    """Return the `run:` of a manifest that the schema has passed, with the defaults of `RunSettings` for the rest."""
    run = mapping(value)
    poll = mapping(run.get("poll"))
    times = {
        "poll_first": seconds(poll.get("first")),
        "poll_every": seconds(poll.get("every")),
        "deadline": seconds(run.get("deadline")),
        "settle": seconds(run.get("settle")),
        "submit_per_second": seconds(run.get("submit_per_second")),
        "look_per_second": seconds(run.get("look_per_second")),
    }
    counts = {name: run.get(name) for name in ("in_flight", "retries", "posts", "max_failures")}
    given = {name: value for name, value in times.items() if value is not None}
    whole = {name: int(value) for name, value in counts.items() if isinstance(value, int | float)}
    return RunSettings(**given, **whole, budget=money(run.get("budget")))  # type: ignore[arg-type]  # names are those of the fields


def money(value: "Json") -> Decimal | None:
    """Return an amount of USD as it is written, or `None` where none is."""
    return Decimal(str(value)) if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def read_prices(value: "Json") -> tuple[PriceOverride, ...]:
    """Return the entries of `prices:` that the schema has passed, in their order."""
    return tuple(_price(mapping(entry)) for entry in sequence(value))


def _price(entry: "dict[str, Json]") -> PriceOverride:
    mode, audio = entry.get("mode"), entry.get("audio")
    return PriceOverride(
        usd_per_second=money(entry.get("usd_per_second")) or Decimal(0),
        mode=mode if isinstance(mode, str) else None,
        audio=audio if isinstance(audio, bool) else None,
    )
