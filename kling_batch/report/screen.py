"""The live screen laid out: a glance at a run becomes lines that fit a terminal of any size. Pure.

Nothing wraps and nothing acts: text from outside is made plain, said in the terminal's encoding and cut to the width.
What matters most comes first, so that a low terminal shows the beginning of the same page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from kling_batch.report.money import amount, duration, total
from kling_batch.report.progress import Active, Glance, Stage
from kling_batch.text.plain import cells, plain

Style = Literal["", "dim", "strong", "key", "good", "bad"]
Line = tuple[tuple[str, Style], ...]

GAP = "  "
NARROW = 60  # columns from which a job's row has room for its phase beside its key
ROOMY = 12  # lines from which an empty one may part what is counted from what is listed
BAR = 40
WORDS = 40  # columns that what is told of a job wants beside its key
BARS, PLAIN_BARS = ("━", "╍", "─"), ("#", "x", ".")  # done, ended otherwise, not yet: told apart without color too
_STAGES: tuple[tuple[Stage, Style], ...] = (
    (Stage.TO_SEND, "dim"),
    (Stage.SENDING, ""),
    (Stage.AT_SERVICE, ""),
    (Stage.DOWNLOADING, ""),
    (Stage.UNSURE, "bad"),
    (Stage.FAILED, "bad"),
    (Stage.LOST, "bad"),
    (Stage.HELD, "bad"),
)

_WRONG = (Stage.UNSURE, Stage.FAILED, Stage.LOST, Stage.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The room on a terminal, in columns and lines, and the encoding it reads."""

    width: int
    height: int
    encoding: str = "utf-8"

    def say(self, text: str) -> str:
        """Return text from outside as this terminal can show it."""
        return plain(text).encode(self.encoding, "backslashreplace").decode(self.encoding)

    def can_say(self, text: str) -> bool:
        """Say whether the terminal has these characters."""
        return self.say(text) == text


def page(glance: Glance, size: Size) -> tuple[Line, ...]:
    """Return the lines of the screen: fewer than the terminal has, each shorter than it is wide."""
    width, most = max(1, size.width - 1), max(1, size.height - 1)
    head = [*_bar(glance, size, width), *_flowed(_counts(glance), width), *_flowed(_money(glance), width)]
    head += _flowed(_tempo(glance), width)
    failures = [_failure(key, why, size, width) for key, why in glance.failures]
    lines = [*head[:most], *failures[: max(0, most - len(head))]]
    rows = _rows(glance, size, width, most - len(lines))
    if rows and size.height >= ROOMY:
        lines.append(())
    return (*lines, *rows)


def sentence(glance: Glance) -> str:
    """Return all that counts in one line: `5 of 12 done, 1 failed, $0.92 spent, $0.55 committed, about 8 s left`."""
    stages = glance.stages
    wrong = [f"{stages[stage]:,} {stage.value}" for stage in _WRONG if stage in stages]
    under_way = [f"{glance.under_way:,} under way"] if glance.under_way else []
    money = [text for text, _ in _money(glance)]
    left = [_left(glance.left)] if glance.left else []
    return ", ".join([_done(glance), *under_way, *wrong, *money, *left])


def _done(glance: Glance) -> str:
    return f"{glance.stages.get(Stage.DONE, 0):,} of {glance.jobs:,} done"


def _bar(glance: Glance, size: Size, width: int) -> Iterator[Line]:
    done = _done(glance)
    columns = min(BAR, width - len(done) - len(GAP))
    if columns < BAR // 4:
        yield _cut(((done, "strong"),), width)
        columns = min(BAR, width)
    ended, ill, rest = BARS if size.can_say("".join(BARS)) else PLAIN_BARS
    jobs = max(1, glance.jobs)
    good = columns * glance.stages.get(Stage.DONE, 0) // jobs
    bad = columns * glance.ended // jobs - good
    bar: Line = ((ended * good, "good"), (ill * bad, "bad"), (rest * (columns - good - bad), "dim"))
    yield bar if len(done) + len(GAP) + columns > width else (*bar, (GAP, ""), (done, "strong"))


def _counts(glance: Glance) -> Line:
    return tuple(
        (f"{glance.stages[stage]:,} {stage.value}", style) for stage, style in _STAGES if stage in glance.stages
    )


def _money(glance: Glance) -> Line:
    parts: list[tuple[str, Style]] = [(f"{total(glance.spent)} spent", "")]
    if glance.committed.usd or glance.committed.unknown:
        parts.append((f"{total(glance.committed)} committed", ""))
    if glance.budget is not None and glance.budget_left is not None:
        parts.append((f"{amount(glance.budget_left)} left of {amount(glance.budget)}", ""))
    return tuple(parts)


def _tempo(glance: Glance) -> Line:
    parts = [f"{glance.submits:,} submits/min", f"{glance.looks:,} looks/min", duration(glance.seconds)]
    if glance.ended < glance.jobs and glance.left is not None:
        parts.append(_left(glance.left))
    return tuple((part, "dim") for part in parts)


def _left(seconds: float) -> str:
    return f"about {duration(max(1.0, seconds))} left" if seconds else "later than usual"


def _failure(key: str, why: str, size: Size, width: int) -> Line:
    name = _end(size.say(key), _key_columns(width))
    row: Line = ((name, "bad"), (GAP, ""), (size.say(why), ""))
    return _cut(row if width < NARROW else (("failed ", "bad"), *row), width)


def _rows(glance: Glance, size: Size, width: int, room: int) -> list[Line]:
    """Return a row for each active job that there is room for, and how many more there are."""
    room -= size.height >= ROOMY
    shown = glance.active[: max(0, room if glance.under_way <= room else room - 1)]
    hidden = glance.under_way - len(shown)
    keys = [size.say(each.key) for each in shown]
    column = min(max(map(_wide, keys), default=0), width if width < NARROW else _key_columns(width))
    rows = [_row(each, key, column, size, width) for each, key in zip(shown, keys, strict=True)]
    return [*rows, _cut(((f"and {hidden:,} more under way", "dim"),), width)] if hidden > 0 < room else rows


def _key_columns(width: int) -> int:
    """Return how many columns a key may fill where something is told beside it."""
    return max(1, width // 2, width - WORDS)


def _row(active: Active, key: str, column: int, size: Size, width: int) -> Line:
    name = _end(key, column)
    row: Line = ((name, "key"), (" " * (column - _wide(name)), ""), (GAP, ""))
    time = duration(active.seconds)
    style: Style = "bad" if active.stage is Stage.UNSURE else ""
    return _cut((*row, (time.rjust(10), "dim"), (GAP, ""), (size.say(active.phase), style)), width)


def _flowed(parts: Sequence[tuple[str, Style]], width: int) -> list[Line]:
    """Return parts side by side, as many on a line as it holds."""
    lines: list[Line] = []
    for part in parts:
        if lines and sum(len(text) for text, _ in lines[-1]) + len(GAP) + len(part[0]) <= width:
            lines[-1] = (*lines[-1], (GAP, ""), part)
        else:
            lines.append(_cut((part,), width))
    return lines


def _cut(line: Line, width: int) -> Line:
    """Return as much of a line as the width holds."""
    out, room = [], width
    for text, style in line:
        fits = _start(text, room)
        out.append((fits, style))
        room -= _wide(fits)
        if fits != text:
            break
    return tuple((text, style) for text, style in out if text)


def _start(text: str, width: int) -> str:
    """Return the start of a text that fills at most so many columns."""
    if text.isascii():
        return text[:width]
    filled = 0
    for at, wide in enumerate(cells(text)):
        filled += wide
        if filled > width:
            return text[:at]
    return text


def _end(key: str, width: int) -> str:
    """Return a key, or its end where it is too long: what tells one job from the next stands there."""
    if _wide(key) <= width:
        return key
    mark = ".." if width > len("..") else ""
    end = key
    while _wide(end) > width - len(mark):
        end = end[1:]
    return mark + end


def _wide(text: str) -> int:
    return len(text) if text.isascii() else sum(cells(text))
