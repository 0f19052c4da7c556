"""The screen of a run on a terminal, drawn by rich; off a terminal, a plain line now and then.

The live part is drawn by a thread of its own, a few times a second at most, and only if other lines are to stand there
than do: what it costs does not grow with the events. Its lines come laid out, and go to rich as segments: measuring and
wrapping them once more was most of a drawing's cost.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType, TracebackType
from typing import IO, Self

from rich.console import Console, ConsoleOptions
from rich.live import Live
from rich.segment import Segment
from rich.style import Style as Ink
from rich.text import Text

from kling_batch.events import Event, Told
from kling_batch.plan.diff import Plan
from kling_batch.report.progress import begun
from kling_batch.report.screen import Line, Size, Style, page, sentence
from kling_batch.text.plain import plain

DRAWS_PER_SECOND = 4
LINE_SECONDS = 30.0
LINE_SHARE = 0.05
FAREWELL = 2.0  # seconds for a drawing that is under way when the run ends
INKS: Mapping[Style, Ink] = {
    "": Ink.null(),
    "dim": Ink(dim=True),
    "strong": Ink(bold=True),
    "key": Ink(color="cyan"),
    "good": Ink(color="green"),
    "bad": Ink(color="red"),
}


class Screen:
    """Shows a run to whoever looks at `stream`; `clock` gives seconds that only grow.

    `size` tells columns and lines of the terminal as they are now. `environment` tells what it can and may (`TERM`,
    `NO_COLOR`). `on_event` may be called from any thread, and never raises because nobody is looking any more.
    """

    def __init__(
        self,
        plan: Plan,
        stream: IO[str],
        clock: Callable[[], float],
        *,
        size: Callable[[], tuple[int, int]] = lambda: (80, 24),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._clock, self._size = clock, size
        self._console = _Console(
            file=stream,
            force_terminal=stream.isatty(),
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
            _environ=environment,
        )
        self._progress = begun(plan, clock())
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._drawer = threading.Thread(target=self._keep_drawing, name="screen", daemon=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._is_live = stream.isatty() and not self._console.is_dumb_terminal
        self._drawn: tuple[tuple[Line, ...], tuple[int, int]] | None = None
        self._line_at = clock()
        self._line_share = 0.0
        self._last_line = ""

    def __enter__(self) -> Self:
        if self._is_live:
            with suppress(OSError):
                self._live.start()
            self._drawer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_live:
            self._over.set()
            self._drawer.join(FAREWELL)
            with suppress(OSError):
                self._live.stop()
        if self._line() != self._last_line:
            self._print(self._line())

    def on_event(self, event: Event) -> None:
        """Take in the next event of the run, and show what it changes when it is time to."""
        with self._guard:
            self._progress.see(event, self._clock())
        if isinstance(event, Told):
            self._print(f"{event.level}: {event.message}")
        elif not self._is_live and self._is_time():
            self._last_line = self._line()
            self._print(self._last_line)

    def draw(self) -> None:
        """Draw the live part, if other lines are to stand there than do."""
        width, height = self._size()
        with self._guard:
            glance = self._progress.glance(self._clock())
        drawing = page(glance, Size(width=width, height=height, encoding=self._console.encoding)), (width, height)
        if drawing != self._drawn:
            self._drawn = drawing
            self._console.size = (width, height)
            self._live.update(_Lines(drawing[0]), refresh=True)

    def _keep_drawing(self) -> None:
        with suppress(OSError):  # a terminal that hung up: the run goes on unseen
            while not self._over.wait(1 / DRAWS_PER_SECOND):
                self.draw()

    def _is_time(self) -> bool:
        now, share = self._clock(), self._progress.share
        if now - self._line_at < LINE_SECONDS and share - self._line_share < LINE_SHARE:
            return False
        self._line_at, self._line_share = now, share
        return True

    def _line(self) -> str:
        with self._guard:
            return sentence(self._progress.glance(self._clock()))

    def _print(self, text: str) -> None:
        with suppress(OSError):
            self._console.print(Text(plain(text)))


class _Lines:
    """Lines that are laid out, as rich wants them."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        del console, options
        for at, line in enumerate(self._lines):
            if at:
                yield Segment.line()
            for text, style in line:
                yield Segment(text, INKS[style])


class _Console(Console):
    """A console that falls silent when nobody reads it any more: a run's state is not what it shows."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
