"""The screen of a run."""

import io
import time
from collections.abc import Callable

import pytest

from kling_batch.events import Done, Looked, Received, Told
from kling_batch.job import Key
from kling_batch.plan.diff import Action, Change
from kling_batch.report.console import Screen

Make = Callable[..., Change]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, text)


def done(number: int) -> Done:
    return Done(key=Key(f"hero#{number}"), output="x.mp4", sha256="ab", bytes=1)


def looked(number: int) -> Looked:
    return Looked(key=Key(f"hero#{number}"), status="in_progress", progress=50)


@pytest.fixture
def changes(make_change: Make) -> list[Change]:
    return [make_change(Action.CREATE, take=number) for number in range(1, 101)]


def test_off_a_terminal_there_is_a_line_each_five_percent(changes: list[Change]) -> None:
    stream, clock = io.StringIO(), Clock()

    with Screen(changes, stream, clock) as screen:
        for number in range(1, 12):
            clock.now += 1
            screen.on_event(done(number))

    assert stream.getvalue().splitlines() == [
        "5 of 100 done, $0.00 spent, about 1 min 35 s left",
        "10 of 100 done, $0.00 spent, about 1 min 30 s left",
        "11 of 100 done, $0.00 spent, about 1 min 29 s left",
    ]


def test_off_a_terminal_there_is_a_line_each_thirty_seconds(changes: list[Change]) -> None:
    stream, clock = io.StringIO(), Clock()

    with Screen(changes, stream, clock) as screen:
        for _ in range(7):
            clock.now += 10
            screen.on_event(looked(1))

    assert stream.getvalue() == "0 of 100 done, $0.00 spent\n" * 2


def test_a_message_is_told_at_once_and_as_it_is(changes: list[Change]) -> None:
    stream = io.StringIO()

    with Screen(changes, stream, Clock()) as screen:
        screen.on_event(Told(level="warning", message="[red]balance[/red] is \x1b[31mlow :smile:"))

    assert stream.getvalue().splitlines()[0] == r"warning: [red]balance[/red] is \x1b[31mlow :smile:"


def test_on_a_terminal_at_most_eight_jobs_have_a_row(changes: list[Change]) -> None:
    stream = Terminal()

    with Screen(changes, stream, Clock()) as screen:
        for number in range(1, 21):
            screen.on_event(looked(number))
        screen.draw()

    text = stream.getvalue()
    assert text.count("in_progress 50 %") >= 8
    assert "and 12 more under way" in text
    assert "0 of 100 done" in text


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb")])
def test_a_dumb_terminal_gets_lines(changes: list[Change], name: str, value: str) -> None:
    stream = Terminal()

    with Screen(changes, stream, Clock(), environment={name: value}) as screen:
        screen.on_event(done(1))

    assert stream.getvalue() == "1 of 100 done, $0.00 spent\n"


def test_no_color_leaves_no_color(changes: list[Change]) -> None:
    stream = Terminal()

    with Screen(changes, stream, Clock(), environment={"NO_COLOR": "1", "TERM": "xterm-256color"}) as screen:
        screen.on_event(looked(1))
        screen.draw()

    assert "\x1b[36m" not in stream.getvalue()
    assert "in_progress" in stream.getvalue()


def test_a_reader_that_went_away_does_not_stop_the_run(changes: list[Change]) -> None:
    with Screen(changes, Closed(), Clock()) as screen:
        screen.on_event(Told(level="note", message="x"))
        screen.on_event(done(1))


def test_ten_thousand_events_cost_little(changes: list[Change]) -> None:
    screen = Screen(changes, Terminal(), Clock())
    began = time.process_time()

    with screen:
        for _ in range(10_000):
            screen.on_event(Received(key=Key("hero#1"), bytes=1))

    assert time.process_time() - began < 2.0
