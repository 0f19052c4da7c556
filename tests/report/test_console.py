"""The screen of a run, on a terminal and off one."""

import io
import sys
from collections.abc import Callable

import pyte
import pytest
from glances import done, looked, plan_of

from kling_batch.events import Received, Told
from kling_batch.job import Key
from kling_batch.manifest.model import RunSettings
from kling_batch.plan.diff import Action, Change, Plan
from kling_batch.report.console import Screen

Make = Callable[..., Change]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A terminal of any size, and what stands on it."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        super().__init__()
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.Stream(self.screen)
        self.bytes_written = 0

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.bytes_written += len(text)
        self._stream.feed(text.replace("\n", "\r\n"))
        return super().write(text)

    def size(self) -> tuple[int, int]:
        return self.screen.columns, self.screen.lines

    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]


class Closed(Terminal):
    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def write(self, text: str) -> int:
        raise OSError(self._number, text)


def job(number: int) -> Key:
    return Key(f"hero#{number}")


@pytest.fixture
def plan(make_change: Make) -> Plan:
    return plan_of([make_change(Action.CREATE, take=number) for number in range(1, 101)], RunSettings())


def test_off_a_terminal_there_is_a_line_each_five_percent(plan: Plan) -> None:
    stream, clock = io.StringIO(), Clock()

    with Screen(plan, stream, clock) as screen:
        for number in range(1, 12):
            clock.now += 1
            screen.on_event(done(job(number)))

    assert [line.split(",")[0] for line in stream.getvalue().splitlines()] == [
        "5 of 100 done",
        "10 of 100 done",
        "11 of 100 done",
    ]


def test_off_a_terminal_there_is_a_line_each_thirty_seconds(plan: Plan) -> None:
    stream, clock = io.StringIO(), Clock()

    with Screen(plan, stream, clock) as screen:
        for _ in range(7):
            clock.now += 10
            screen.on_event(looked(job(1)))

    assert stream.getvalue() == "0 of 100 done, 1 under way, $0.00 spent\n" * 2


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_INTERACTIVE", "CLICOLOR_FORCE"])
def test_off_a_terminal_no_variable_brings_the_live_screen(plan: Plan, name: str) -> None:
    stream = io.StringIO()

    with Screen(plan, stream, Clock(), environment={name: "1"}) as screen:
        screen.on_event(done(job(1)))

    assert stream.getvalue() == "1 of 100 done, $0.00 spent\n"


def test_a_message_is_told_at_once_and_as_it_is(plan: Plan) -> None:
    stream = io.StringIO()

    with Screen(plan, stream, Clock()) as screen:
        screen.on_event(Told(level="warning", message="[red]balance[/red] is \x1b[31mlow :smile:"))

    assert stream.getvalue().splitlines()[0] == r"warning: [red]balance[/red] is \x1b[31mlow :smile:"


def test_on_a_terminal_at_most_eight_jobs_have_a_row(plan: Plan) -> None:
    stream = Terminal()

    with Screen(plan, stream, Clock(), size=stream.size) as screen:
        for number in range(1, 21):
            screen.on_event(looked(job(number)))
        screen.draw()
        shown = stream.shown()

    assert [line.endswith("in_progress 50 %") for line in shown].count(True) == 8
    assert shown[-1] == "and 12 more under way"


def test_the_live_screen_goes_and_its_last_line_stays(plan: Plan) -> None:
    stream = Terminal()

    with Screen(plan, stream, Clock(), size=stream.size) as screen:
        screen.on_event(done(job(1)))
        screen.draw()

    assert stream.shown() == ["1 of 100 done, $0.00 spent"]
    assert not stream.screen.cursor.hidden


def test_a_message_stands_above_the_live_screen(plan: Plan) -> None:
    stream = Terminal()

    with Screen(plan, stream, Clock(), size=stream.size) as screen:
        screen.draw()
        screen.on_event(Told(level="note", message="the balance is low"))
        screen.draw()
        shown = stream.shown()

    assert shown[0] == "note: the balance is low"
    assert shown[1].endswith("0 of 100 done")


@pytest.mark.parametrize("after", [(30, 24), (20, 24), (200, 50), (80, 6), (1, 1)])
def test_a_terminal_that_is_resized_shows_the_page_of_its_new_size(plan: Plan, after: tuple[int, int]) -> None:
    stream = Terminal(80, 24)

    with Screen(plan, stream, Clock(), size=stream.size) as screen:
        for number in range(1, 21):
            screen.on_event(looked(job(number)))
        screen.draw()
        stream.screen.resize(columns=after[0], lines=after[1])
        screen.draw()
        shown = stream.shown()

    assert sum("0 of 100 done"[: after[0] - 1] in line for line in shown) <= 1
    assert all(len(line) < max(2, after[0]) for line in shown)


def test_nothing_is_drawn_where_nothing_has_changed(plan: Plan) -> None:
    stream = Terminal()

    with Screen(plan, stream, Clock(), size=stream.size) as screen:
        screen.draw()
        before = stream.bytes_written
        for _ in range(100):
            screen.draw()

        assert stream.bytes_written == before


def test_a_dumb_terminal_gets_lines(plan: Plan) -> None:
    stream = Terminal()

    with Screen(plan, stream, Clock(), environment={"TERM": "dumb"}) as screen:
        screen.on_event(done(job(1)))

    assert stream.getvalue() == "1 of 100 done, $0.00 spent\n"


def test_no_color_leaves_no_color(plan: Plan) -> None:
    stream = Terminal()

    with Screen(plan, stream, Clock(), environment={"NO_COLOR": "1", "TERM": "xterm-256color"}) as screen:
        screen.on_event(looked(job(1)))
        screen.draw()

    assert "\x1b[36m" not in stream.getvalue()
    assert "in_progress" in stream.getvalue()


@pytest.mark.parametrize("number", [5, 32])
def test_a_reader_that_went_away_does_not_stop_the_run(plan: Plan, number: int) -> None:
    with Screen(plan, Closed(number), Clock()) as screen:
        screen.on_event(Told(level="note", message="x"))
        screen.on_event(done(job(1)))


def test_an_event_is_taken_in_without_drawing(plan: Plan) -> None:
    stream, calls = Terminal(), []

    with Screen(plan, stream, Clock(), size=stream.size) as screen:
        screen.on_event(looked(job(1)))
        sys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name) if event == "call" else None)
        for _ in range(1000):
            screen.on_event(Received(key=job(1), bytes=1))
        sys.setprofile(None)

    assert len(calls) < 12 * 1000
    assert "page" not in calls
