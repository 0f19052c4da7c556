"""The live screen of the real command on a real terminal, against the real sandbox."""

import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest

LONGEST = 60.0
MANIFEST = """\
version: 1
project: spring
run: {in_flight: 20, submit_per_second: 50, posts: 4, max_failures: 100, budget: 30, poll: {first: 0.1s, every: 1s}}
shots:
  hero:
    matrix: {product: {kettle: a kettle, knife: a knife}}
    takes: 8
    request: {prompt: "{{ product }}"}
"""
HOSTILE = "no [red]blades[/red] \u202e here"
REFUSED = {
    "rules": [
        {
            "on": "submit",
            "when": {"prompt": "knife"},
            "do": {"task": {"code": "content_policy_violation", "message": HOSTILE}},
        }
    ]
}


class Seen:
    """A terminal, and all the screens that were to be seen on it."""

    def __init__(self, ours: int, columns: int, lines: int) -> None:
        self._ours = ours
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size; the system tells the command by SIGWINCH."""
        self.screen.resize(lines=lines, columns=columns)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, is_it: Callable[[list[str]], bool]) -> list[str]:
        """Return the first screen that is it, or the last one where it never was."""
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline and not is_it(self.shown()):
            if select.select([self._ours], [], [], 1.0)[0] and not self._read():
                break
        return self.shown()

    def _read(self) -> bool:
        try:
            got = os.read(self._ours, 65536)
        except OSError:  # Linux: the other end is closed
            return False
        self.raw += got
        self._stream.feed(got)
        return bool(got)

    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]


@contextmanager
def running(
    folder: Path, columns: int, lines: int, **environment: str
) -> Iterator[tuple[Seen, subprocess.Popen[bytes]]]:
    """Run the command on a terminal of its own, its tasks slow enough to be seen."""
    (folder / "spring.yaml").write_text(MANIFEST)
    (folder / "refused.json").write_text(json.dumps(REFUSED))
    ours, theirs = os.openpty()
    words = ["run", "spring.yaml", "--sandbox", "--yes", "--speed", "30", "--scenario", "refused.json"]
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "CI", "NO_COLOR"}}
    seen = Seen(ours, columns, lines)
    child = subprocess.Popen(
        [sys.executable, "-m", "kling_batch", *words],
        cwd=folder,
        env={**kept, "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield seen, child
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def has(*texts: str) -> Callable[[list[str]], bool]:
    return lambda lines: all(any(text in line for line in lines) for text in texts)


@pytest.mark.parametrize("width", [100, 20])
def test_a_run_on_a_terminal_is_seen_while_it_goes_and_leaves_a_summary(folder: Path, width: int) -> None:
    with running(folder, width, 40) as (seen, child):
        live = seen.until(has("at the service", "committed", "looks/min"))
        ended = seen.until(has("--retry"))
        seen.until(lambda _: False)
        code = child.wait()

    assert has("of 16 done", "spent", "committed", "looks/min")(live)
    assert code == 4
    assert has("--retry")(ended)
    assert not seen.screen.cursor.hidden
    whole = "".join(line.ljust(width) for line in seen.screen.display)
    assert "made 8 videos in" in whole
    assert "\u202e" not in whole
    assert "[red]blades[/red]" in whole
    if width == 100:
        assert has("kling-batch run spring.yaml --sandbox --retry rejected")(ended)
        assert not has("looks/min")(ended)


def test_a_terminal_resized_in_mid_run_shows_the_run_at_its_new_size(folder: Path) -> None:
    with running(folder, 100, 40) as (seen, child):
        seen.until(has("at the service"))
        seen.resize(40, 20)
        narrow = seen.until(lambda lines: has("looks/min")(lines) and max(map(len, lines[-12:])) < 40)
        seen.resize(120, 30)
        seen.until(has("made 8 videos in"))
        seen.until(lambda _: False)
        code = child.wait()

    assert has("of 16 done", "looks/min")(narrow)
    assert code == 4
    assert has("made 8 videos in")(seen.shown())


@pytest.mark.parametrize(
    ("environment", "never"),
    [({"NO_COLOR": "1"}, b"\x1b[3"), ({"TERM": "dumb"}, b"\x1b["), ({"PYTHONIOENCODING": "ascii"}, "━".encode())],
)
def test_a_terminal_that_can_less_is_asked_for_less(folder: Path, environment: dict[str, str], never: bytes) -> None:
    with running(folder, 100, 40, **environment) as (seen, child):
        seen.until(lambda _: False)
        code = child.wait()

    assert code == 4
    assert never not in seen.raw
    assert b"made 8 videos in" in seen.raw
