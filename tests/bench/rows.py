"""The rows of the table: each measures the product beside its floor, in turns, and says what came of it.

Turns matter: on a shared machine two figures can only be compared if they were taken in the same minute. Ratios are of
processor time where the machine's load would decide otherwise; the text of the row says so.
"""

import math
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import start_up
from children import certificate, service, subject
from looks import against_fixed, against_optimum
from sizes import Size

Measured = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio` is held against `goal`: at least it with `least`, else at most."""

    what: str
    ours: str
    other: str
    ratio: float
    goal: float
    least: bool = False
    unit: str = "x"

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio >= self.goal if self.least else self.ratio <= self.goal


def _in_turns(rounds: int, *ways: Callable[[], Measured]) -> list[list[Measured]]:
    """Return what each way measured, all ways once in each round."""
    taken: list[list[Measured]] = [[] for _ in ways]
    for _ in range(rounds):
        for results, way in zip(taken, ways, strict=True):
            results.append(way())
    return taken


def _median(results: list[Measured], of: Callable[[Measured], float]) -> float:
    return statistics.median(map(of, results))


def _rate(figures: Measured) -> float:
    return float(figures["made"] / figures["wall"])


def _cost(figures: Measured) -> float:
    return float(figures["cpu"] / figures["made"] * 1e3)


def _runner(name: str, jobs: int, width: int) -> Callable[[], Measured]:
    def way() -> Measured:
        with service() as base:
            figures = subject("subjects_run", name, base=base, jobs=jobs, width=width)
        assert figures["made"] == jobs, figures
        assert figures.get("exit_code", 0) == 0, figures
        return figures

    return way


def runs(size: Size) -> list[Row]:
    """A run against the bare loop and against the plain script, in jobs a second."""
    rows = []
    for width, times in ((16, 3.0), (64, 4.0)):
        ways = [_runner(name, size.jobs, width) for name in ("product", "bare", "plain")]
        ours, bare, plain = _in_turns(size.rounds, *ways)
        for name, other, goal in (("the bare loop", bare, 0.85), ("a plain httpx script", plain, times)):
            if width != 16 and goal < 1:
                continue
            rates, costs = ([_median(each, of) for each in (ours, other)] for of in (_rate, _cost))
            rows.append(
                Row(
                    f"run against {name}, {width} at once",
                    f"{rates[0]:.0f} jobs/s, {costs[0]:.2f} ms CPU",
                    f"{rates[1]:.0f} jobs/s, {costs[1]:.2f} ms CPU ({costs[1] / costs[0]:.2f}x by CPU)",
                    rates[0] / rates[1],
                    goal,
                    least=True,
                )
            )
    return rows


def growth(size: Size) -> list[Row]:
    """CPU a look with 1,000 busy connections, against 16."""

    def way(width: int) -> Callable[[], Measured]:
        def look() -> Measured:
            with service(rtt=0.4 if width > 100 else 0.01) as base:
                return subject("subjects_wire", "looks", base=base, count=max(width, size.jobs) * 3, width=width)

        return look

    many = min(1000, size.jobs * 40)
    busy, few = _in_turns(size.rounds, way(many), way(16))
    ours, other = 1e3 * _median(busy, _cost), 1e3 * _median(few, _cost)
    return [Row(f"CPU a look, {many} connections against 16", f"{ours:.0f} us", f"{other:.0f} us", ours / other, 1.5)]


def downloads(size: Size) -> list[Row]:
    """Downloads with hashing, plain and over TLS, against aiohttp and stock httpx."""
    with certificate() as pem:
        return [*_downloads(size, ""), *_downloads(size, pem)]


def _downloads(size: Size, pem: str) -> list[Row]:
    length = 20_000_000 if size.files > 2 else 1_000_000

    def way(name: str) -> Callable[[], Measured]:
        def fetch() -> Measured:
            with service(pem, size=length) as base:
                options = {"way": name, "files": size.files, "width": 8, "pem": pem or None}
                figures = subject("subjects_wire", "download", base=base, **options)
            assert figures["mb"] == size.files * length / 1e6, figures
            return figures

        return fetch

    ours, quick, stock = _in_turns(size.rounds, way("product"), way("aiohttp"), way("httpx"))
    rows = []
    for name, other, goal in (("aiohttp", quick, 0.75), ("stock httpx", stock, 2.5)):
        rates = [_median(each, lambda figures: figures["mb"] / figures["cpu"]) for each in (ours, other)]
        over = " over TLS" if pem else ""
        what = f"downloads of {length // 1_000_000} MB{over}, hashed, against {name} (MB a CPU second)"
        rows.append(Row(what, f"{rates[0]:.0f} MB/s", f"{rates[1]:.0f} MB/s", rates[0] / rates[1], goal, least=True))
    return rows


def plan(size: Size) -> list[Row]:
    """A plan with its lock read, against a loop in plain Python; and its memory."""
    with tempfile.TemporaryDirectory(prefix="kling-bench-") as place:
        subject("subjects_plan", "prepare", place=place, jobs=size.plan)
        ours, floor, lock = _in_turns(
            min(size.rounds, 3),
            lambda: subject("subjects_plan", "product", place=place),
            lambda: subject("subjects_plan", "floor", jobs=size.plan),
            lambda: subject("subjects_plan", "lock", place=place),
        )
    assert ours[0]["made"] == lock[0]["made"] == size.plan, ours
    product, plain, read = (_median(each, lambda figures: figures["cpu"]) for each in (ours, floor, lock))
    peak = _median(ours, lambda figures: figures["peak_mb"])
    beside = f"{plain:.2f} s (and {read:.2f} s to read the lock as JSON)"
    return [
        Row(f"plan of {size.plan:,} jobs, lock read (CPU)", f"{product:.2f} s", beside, product / plain, 2.3),
        Row(f"memory of that plan, peak of {size.plan:,} jobs", f"{peak:.0f} MB", "", peak, 400, unit=" MB"),
    ]


def review(size: Size) -> list[Row]:
    """The page of a gallery with its posters ready, against reading what has to be read."""
    with tempfile.TemporaryDirectory(prefix="kling-bench-") as place:
        subject("subjects_review", "prepare", place=place, jobs=size.reviewed)
        ours, floor = _in_turns(
            size.rounds,
            lambda: subject("subjects_review", "product", place=place),
            lambda: subject("subjects_review", "floor", place=place),
        )
    assert ours[0]["made"] == floor[0]["made"] == size.reviewed, ours
    product, plain = (_median(each, lambda figures: figures["cpu"]) for each in (ours, floor))
    what = f"review of {size.reviewed:,} jobs, posters ready (CPU)"
    return [Row(what, f"{product:.2f} s", f"{plain:.2f} s", product / plain, 7.0)]


def rendering(size: Size) -> list[Row]:
    """Prompts rendered safe and bounded, against Jinja as it comes."""
    ours, plain = _in_turns(
        size.rounds,
        lambda: subject("subjects_plan", "bounded", jobs=size.rendered),
        lambda: subject("subjects_plan", "unbounded", jobs=size.rendered),
    )
    assert ours[0]["length"] == plain[0]["length"], (ours, plain)
    costs = [1e3 * min(map(_cost, each)) for each in (ours, plain)]
    what = f"rendering of {size.rendered:,} prompts, bounded, against plain Jinja (CPU)"
    return [Row(what, f"{costs[0]:.1f} us each", f"{costs[1]:.1f} us each", costs[0] / costs[1], 1.3)]


def own(size: Size) -> list[Row]:
    """CPU of a job in a run without HTTP and files, its exponent, and the memory of the largest."""
    taken = {jobs: subject("subjects_own", "own", jobs=jobs) for jobs in size.scale}
    assert all(figures["made"] == jobs for jobs, figures in taken.items()), taken
    costs = {jobs: _cost(figures) for jobs, figures in taken.items()}
    first, last = size.scale[0], size.scale[-1]
    exponent = 1 + math.log(costs[last] / costs[first]) / math.log(last / first)
    told = ", ".join(f"{jobs:,}: {cost:.2f} ms" for jobs, cost in costs.items())
    peak = taken[last]["peak_mb"]
    return [
        Row("own CPU of a job in a run, without HTTP and files", told, "", costs[first], 0.3, unit=" ms"),
        Row(f"its exponent, {first:,} to {last:,} jobs", told, "", exponent, 1.05, unit=""),
        Row(f"memory of a run of {last:,} jobs, peak", f"{peak:.0f} MB", "", peak, 400, unit=" MB"),
    ]


def crowd(size: Size) -> list[Row]:
    """Memory of a run with very many tasks in flight, each done after eight seconds or so."""
    with service(median=size.crowd_seconds) as base:
        figures = subject(
            "subjects_run",
            "product",
            base=base,
            jobs=size.crowd,
            width=size.crowd,
            first=size.crowd_seconds / 4,
            every=size.crowd_seconds / 2,
        )
    assert figures["made"] == size.crowd, figures
    told = f"{figures['peak_mb']:.0f} MB, {_cost(figures):.2f} ms CPU a job"
    return [Row(f"memory with {size.crowd:,} in flight, peak", told, "", figures["peak_mb"], 120, unit=" MB")]


def screen(size: Size) -> list[Row]:
    """CPU of a run with its live screen on a terminal against the same without, and what the screen takes of it."""

    def way(name: str) -> Callable[[], Measured]:
        def run() -> Measured:
            with service(median=size.screen_seconds) as base:
                options = {"jobs": size.screen, "width": size.screen_width, "seconds": size.screen_seconds}
                figures = subject("subjects_screen", name, base=base, **options)
            assert figures["made"] == size.screen, figures
            return figures

        return run

    shown, unseen = _in_turns(min(size.rounds, 3), way("on"), way("off"))
    ours, other = (_median(each, lambda figures: figures["cpu"]) for each in (shown, unseen))
    alone = _median(unseen, lambda figures: figures["screen"])
    what = f"{size.screen:,} jobs, {size.screen_width:,} in flight"
    events = f"{unseen[0]['events']:,} events and {unseen[0]['wall']:.0f} s"
    return [
        Row(f"CPU of a run of {what}, seen live against unseen", f"{ours:.2f} s", f"{other:.2f} s", ours / other, 1.03),
        Row(
            f"CPU of its screen alone ({events})", f"{alone:.3f} s", f"{other:.2f} s", 100 * alone / other, 3, unit=" %"
        ),
    ]


def looks(size: Size) -> list[Row]:
    """Looks a task against the optimum's at its lag, and against a fixed interval at equal lag; a simulation."""
    mine, least, lag = against_optimum(size.tasks)
    same, fixed = against_fixed(size.tasks)
    return [
        Row(f"looks after 200 tasks, optimum at {lag:.1f} s of lag", f"{mine:.1f}", f"{least:.1f}", mine / least, 1.15),
        Row("looks against a fixed interval at equal lag", f"{same:.1f}", f"{fixed:.1f}", same / fixed, 0.7),
    ]


def start(size: Size) -> list[Row]:
    """Start-up against a bare interpreter that imports what every verb needs."""
    floor, helped, validated = start_up.measure(size.starts)
    return [
        Row("`--help` (CPU)", f"{helped:.0f} ms", f"{floor:.0f} ms", helped / floor, 1.5),
        Row("`validate` of a small manifest (CPU)", f"{validated:.0f} ms", f"{floor:.0f} ms", validated / floor, 1.7),
    ]


ROWS: Mapping[str, Callable[[Size], list[Row]]] = {
    "runs": runs,
    "growth": growth,
    "downloads": downloads,
    "plan": plan,
    "review": review,
    "rendering": rendering,
    "own": own,
    "crowd": crowd,
    "screen": screen,
    "looks": looks,
    "start": start,
}
