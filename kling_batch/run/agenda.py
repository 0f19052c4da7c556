"""What is to be done when: one heap of due times, and a line for each kind of request that is due."""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from kling_batch.api.pace import Pacer
from kling_batch.run.courses import Course
from kling_batch.run.states import Command, Fetch, Look, LookUp, Rest, Submit
from kling_batch.run.width import Width

LOOKS = 16  # looks in the air at once
GRAIN = 1e-6  # seconds that are no wait: a sum of floats may be off by less than a clock can show


@dataclass(slots=True, eq=False)
class Line:
    """Jobs whose command is due, how many may be in the air at once, and the pace at which they go out."""

    most: int
    pace: Pacer | None = None
    air: int = 0
    queue: deque[tuple[Course, Command]] = field(default_factory=deque)
    _opens: float | None = None

    @property
    def next(self) -> tuple[Course, Command] | None:
        """The first of the line, if there is one and the air has room for it."""
        return self.queue[0] if self.queue and self.air < self.most else None

    def shut_for(self, now: float) -> float:
        """Return how many seconds the first of the line still has to wait for its turn."""
        if self.pace is None:
            return 0.0
        if self._opens is None:
            self._opens = now + self.pace.reserve(now)
        return self._opens - now if self._opens > now + GRAIN else 0.0

    def take(self) -> tuple[Course, Command]:
        """Let the first of the line out into the air."""
        self._opens = None
        self.air += 1
        return self.queue.popleft()

    def slow(self, now: float, seconds: float) -> None:
        """Let nothing out for so many seconds."""
        if self.pace is not None:
            self.pace.push_back(now, seconds)
            self._opens = None


class Agenda:
    """Every command that is not in the air, by due time (on the engine's clock) or already in its line."""

    def __init__(self, posts: int, submit_pace: Pacer, look_pace: Pacer) -> None:
        self.submits = Line(posts, submit_pace)
        self.looks = Line(LOOKS, look_pace)
        self._width = Width()
        self.fetches = Line(self._width.now)
        self._heap: list[tuple[float, int, Course, Command]] = []
        self._order = itertools.count()

    @property
    def lines(self) -> tuple[Line, Line, Line]:
        """The three lines, money first."""
        return self.submits, self.looks, self.fetches

    def is_empty(self) -> bool:
        """Say whether nothing is to be done and nothing in the air."""
        return not self._heap and not any(line.air or line.queue for line in self.lines)

    def put(self, course: Course, command: Command, due: float) -> None:
        """Enter a command that is to be carried out at `due`."""
        heapq.heappush(self._heap, (due, next(self._order), course, command))

    def landed(self, now: float, size: int) -> None:
        """Learn from a download of so many bytes how many are worth having in the air at once."""
        self.fetches.most = self._width.landed(now, size, crowded=bool(self.fetches.queue))

    def call_up(self, now: float) -> float:
        """Bring what is due into its line; return the seconds until the next command falls due."""
        while self._heap and self._heap[0][0] <= now + GRAIN:
            _, _, course, command = heapq.heappop(self._heap)
            self._line(command).queue.append((course, command))
        return self._heap[0][0] - now if self._heap else math.inf

    def drop(self) -> Iterator[Course]:
        """Give up every command that is not in the air, and return whose they were."""
        waiting = [course for _, _, course, _ in self._heap]
        waiting += [course for line in self.lines for course, _ in line.queue]
        self._heap.clear()
        for line in self.lines:
            line.queue.clear()
        yield from waiting

    def _line(self, command: Command) -> Line:
        match command:
            case Submit():
                return self.submits
            case Look() | LookUp():
                return self.looks
            case Fetch():
                return self.fetches
            case Rest():
                raise AssertionError("a job at rest has nothing on the agenda")
            case _:
                assert_never(command)
