"""The live screen, laid out for terminals of every size."""

import dataclasses
from collections.abc import Callable
from decimal import Decimal

import pytest
from glances import completed, done, doubted, failed, intended, looked, plan_of, submitted
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.events import Held, Lost, Received
from kling_batch.job import Key
from kling_batch.plan.cost import Sum
from kling_batch.plan.diff import Action, Change
from kling_batch.report.progress import Active, Glance, Progress, Stage, begun
from kling_batch.report.screen import Line, Size, page, sentence
from kling_batch.text.plain import cells

Golden = Callable[[str, str], None]
MakeChange = Callable[..., Change]
HOSTILE = "[red]no[/red] \x1b[31mblades\x1b]0;title\x07 \u202eevil\n:smile: \u5200"


def text_of(lines: tuple[Line, ...]) -> str:
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


@pytest.fixture
def start(make_change: MakeChange) -> Progress:
    """A run of 60 jobs that has just begun."""
    ratios = ("16x9", "9x16")
    changes = [make_change(Action.CREATE, lang="de", ratio=ratio, take=n) for n in range(1, 31) for ratio in ratios]
    return begun(plan_of(changes), 0.0)


@pytest.fixture
def midway(start: Progress) -> Progress:
    """The same after two minutes: jobs in every stage, one refused in words that want to act."""
    keys = [Key(f"hero/lang=de,ratio={ratio}#{n}") for n in range(1, 31) for ratio in ("16x9", "9x16")]
    for second, key in enumerate(keys[:40]):
        start.see(intended(key), float(second))
        start.see(submitted(key), second + 0.5)
    for second, key in enumerate(keys[:18], 60):
        start.see(looked(key, 90), float(second))
        start.see(completed(key), second + 1.0)
        start.see(done(key), second + 2.0)
    for key in keys[25:36]:
        start.see(looked(key, 45), 110.0)
    start.see(failed(keys[18], "against the policy"), 100.0)
    start.see(failed(keys[19], HOSTILE, Decimal(0)), 101.0)
    start.see(Lost(key=keys[20], why="the link is dead"), 102.0)
    start.see(Held(key=keys[59], why="the budget"), 103.0)
    start.see(completed(keys[22]), 104.0)
    start.see(Received(key=keys[22], bytes=3 * 2**20, total=8 * 2**20), 105.0)
    start.see(looked(keys[23], None, HOSTILE), 106.0)
    start.see(intended(keys[40], None), 107.0)
    start.see(doubted(keys[40]), 108.0)
    return start


@pytest.mark.parametrize(
    ("width", "height"), [(120, 40), (80, 24), (60, 20), (40, 16), (30, 24), (20, 24), (80, 8), (80, 4), (80, 2)]
)
def test_a_run_midway_is_told_on_every_terminal(midway: Progress, golden: Golden, width: int, height: int) -> None:
    lines = page(midway.glance(120.0), Size(width=width, height=height))

    golden(f"screen-midway-{width}x{height}.txt", text_of(lines))


def test_a_run_at_its_beginning_does_not_pretend_to_know_its_end(start: Progress, golden: Golden) -> None:
    golden("screen-begun-80x24.txt", text_of(page(start.glance(0.0), Size(width=80, height=24))))


def test_a_run_at_its_end_has_nothing_left_to_tell_of_time(start: Progress, golden: Golden) -> None:
    for n in range(1, 31):
        for ratio in ("16x9", "9x16"):
            start.see(intended(Key(f"hero/lang=de,ratio={ratio}#{n}")), 1.0)
            start.see(done(Key(f"hero/lang=de,ratio={ratio}#{n}")), 90.0)

    golden("screen-ended-80x24.txt", text_of(page(start.glance(91.0), Size(width=80, height=24))))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_what_it_can_show(midway: Progress, golden: Golden, encoding: str) -> None:
    text = text_of(page(midway.glance(120.0), Size(width=80, height=24, encoding=encoding)))

    assert text.encode(encoding)
    golden("screen-midway-ascii.txt", text)


def test_nothing_from_outside_acts_on_the_terminal(midway: Progress) -> None:
    text = text_of(page(midway.glance(120.0), Size(width=200, height=40)))

    assert r"[red]no[/red] \x1b[31mblades\x1b]0;title\x07 \u202eevil\n:smile: 刀" in text
    assert all(character.isprintable() for character in text.replace("\n", ""))


def test_what_was_done_and_what_failed_look_different_without_color(midway: Progress) -> None:
    bar = text_of(page(midway.glance(120.0), Size(width=80, height=24))).splitlines()[0]

    assert [bar.count(each) for each in "━╍─"] == [12, 2, 26]


def test_a_plain_line_tells_the_same(midway: Progress) -> None:
    assert sentence(midway.glance(120.0)) == (
        "18 of 60 done, 20 under way, 1 unsure, 2 failed, 1 lost, 1 held, $3.86 spent, "
        "$3.31 + 1 of unknown price committed, $32.82 left of $40.00, about 1 min 6 s left"
    )


@pytest.mark.parametrize(
    ("left", "told"),
    [(None, ""), (0.0, "  later than usual"), (0.4, "  about 1 s left"), (75.0, "  about 1 min 15 s left")],
)
def test_the_time_left_is_told_as_far_as_it_is_known(start: Progress, left: float | None, told: str) -> None:
    glance = dataclasses.replace(start.glance(1.0), left=left)

    assert text_of(page(glance, Size(width=80, height=24))).splitlines()[3].endswith(f"looks/min  1 s{told}")


NUMBERS = st.integers(0, 10**6)
TEXTS = st.text(max_size=60)
SUMS = st.builds(Sum, usd=st.decimals(0, 10**6, places=3), unknown=st.integers(0, 100))


@st.composite
def glances(draw: st.DrawFn) -> Glance:
    stages = draw(st.dictionaries(st.sampled_from(Stage), st.integers(1, 10**6)))
    under_way = st.sampled_from([Stage.SENDING, Stage.UNSURE, Stage.AT_SERVICE])
    active = st.builds(Active, key=TEXTS.map(Key), stage=under_way, phase=TEXTS, seconds=st.floats(0, 10**6))
    return Glance(
        jobs=sum(stages.values()),
        stages=stages,
        seconds=draw(st.floats(0, 10**6)),
        left=draw(st.none() | st.floats(0, 10**6)),
        spent=draw(SUMS),
        committed=draw(SUMS),
        budget=draw(st.none() | st.decimals(0, 100, places=2)),
        budget_left=Decimal(1),
        submits=draw(NUMBERS),
        looks=draw(NUMBERS),
        active=tuple(draw(st.lists(active, max_size=8))),
        failures=tuple(draw(st.lists(st.tuples(TEXTS.map(Key), TEXTS), max_size=3))),
    )


@given(glances(), st.integers(1, 200), st.integers(1, 60), st.sampled_from(["utf-8", "ascii", "latin-1", "cp437"]))
def test_no_glance_breaks_out_of_its_terminal(glance: Glance, width: int, height: int, encoding: str) -> None:
    lines = page(glance, Size(width=width, height=height, encoding=encoding))

    assert len(lines) <= max(1, height - 1)
    for line in lines:
        text = "".join(piece for piece, _ in line)
        assert sum(cells(text)) <= max(1, width - 1)
        assert "\x1b" not in text
        assert "\n" not in text
        text.encode(encoding)
