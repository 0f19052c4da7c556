"""The screen of a run: one bar for all jobs and at most eight rows of what is under way; off a terminal, a line.

One row a job would cost more than the run itself: rich took 7.5 s of CPU for 200 rows, and had not finished 2,000
after ten minutes. The live part is drawn twice a second by a thread of its own, whatever the number of events.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType, TracebackType
from typing import IO, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kling_batch.events import Event, Told
from kling_batch.plan.diff import Change
from kling_batch.report.progress import begun
from kling_batch.text.plain import plain

ACTIVE_ROWS = 8
DRAWS_PER_SECOND = 2
LINE_SECONDS = 30.0
LINE_SHARE = 0.05


class Screen:
    """Shows a run to whoever looks at `stream`; `clock` gives seconds that only grow.

    `environment` tells what the terminal can and may (`TERM`, `NO_COLOR`, `COLUMNS`).

    `on_event` may be called from any thread, and never raises because nobody is looking any more.
    """

    def __init__(
        self,
        changes: Sequence[Change],
        stream: IO[str],
        clock: Callable[[], float],
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._clock = clock
        self._console = _Console(
            file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True, _environ=environment
        )
        self._progress = begun(changes, clock())
        self._guard = threading.Lock()
        self._live = Live(
            console=self._console, get_renderable=self._draw, refresh_per_second=DRAWS_PER_SECOND, transient=True
        )
        self._is_live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._line_at = clock()
        self._line_share = 0.0
        self._last_line = ""

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_live:
            self._live.stop()
        if self._line() != self._last_line:
            self._print(self._line())

    def on_event(self, event: Event) -> None:
        """Take in the next event of the run, and show what it changes when it is time to."""
        with self._guard:
            self._progress.see(event)
        if isinstance(event, Told):
            self._print(f"{event.level}: {event.message}")
        elif not self._is_live and self._is_time():
            self._last_line = self._line()
            self._print(self._last_line)

    def draw(self) -> None:
        """Draw the live part now."""
        self._live.refresh()

    def _is_time(self) -> bool:
        now, progress = self._clock(), self._progress
        share = progress.finished / max(1, len(progress.work))
        if now - self._line_at < LINE_SECONDS and share - self._line_share < LINE_SHARE:
            return False
        self._line_at, self._line_share = now, share
        return True

    def _line(self) -> str:
        with self._guard:
            return self._progress.line(self._clock())

    def _print(self, text: str) -> None:
        self._console.print(Text(plain(text)))

    def _draw(self) -> RenderableType:
        with self._guard:
            active = list(islice(self._progress.active.items(), ACTIVE_ROWS))
            hidden = len(self._progress.active) - len(active)
            line = self._progress.line(self._clock())
            total, finished = len(self._progress.work), self._progress.finished
        rows = Table.grid(padding=(0, 2))
        for key, phase in active:
            rows.add_row(Text(plain(key), style="cyan"), Text(plain(phase), style="dim"))
        if hidden > 0:
            rows.add_row(Text(f"and {hidden:,} more under way", style="dim"))
        return Group(rows, ProgressBar(total=max(1, total), completed=finished, width=40), Text(plain(line)))


class _Console(Console):
    """A console that falls silent when nobody reads it any more: a run's state is not what it shows."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
