"""Every call by which a run touches the disk or the wire, enumerated as a crash point.

    python tests/reliability/syscalls.py [--every 3 --offset 1]

A run of three jobs is killed before its n-th call, in the middle of it (half of the bytes written) and after it, for
every n; then it is begun again, and the ledger is asked. A process that has imported everything is forked for each
point, so that a point takes a fraction of a second.
"""

import argparse
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from blackbox import MEMORY, Campaign, Figures, Sandbox, audit

from kling_batch.cli.main import main as command

When = Literal["before", "half", "after"]
Point = tuple[str, int, When]
DISK = ("open", "write", "fsync", "fdatasync", "ftruncate", "posix_fallocate", "link", "unlink", "replace", "mkdir")
PARTED = ("write", "send")
WIRE = ("connect", "send", "recv")
RUN = "in_flight: 1, posts: 1, submit_per_second: 100, poll: {first: 0.02s, every: 0.1s}, settle: 0.5s"
STUCK = 30  # seconds after which a run that was not killed is told as one that hangs


@dataclass
class Countdown:
    """Counts calls, and kills this process at the nth of one name; `made` are the names of those there were."""

    name: str
    nth: int
    when: When
    told: int
    made: list[str] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def install(self) -> None:
        """Put the count in front of every call that is a point."""
        for name in DISK:
            setattr(os, name, self._counted(name, getattr(os, name), lambda _: True))
        for name in WIRE:
            setattr(socket.socket, name, self._counted(name, getattr(socket.socket, name), _is_wire))

    def _counted(self, name: str, call: Callable[..., Any], counts: Callable[[Any], bool]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            if not counts(args[0]):
                return call(*args, **options)
            with self._turn:
                self.made.append(name)
                here = name == self.name and self.made.count(name) == self.nth
            if here and self.when == "before":
                self._die(name)
            if here and self.when == "half":
                call(args[0], args[1][: len(args[1]) // 2], **options)
                self._die(name)
            try:
                return call(*args, **options)
            finally:
                if here:
                    self._die(name)

        return counted

    def _die(self, name: str) -> None:
        _write(self.told, name.encode())
        os.kill(os.getpid(), signal.SIGKILL)


_write = os.write


def _is_wire(it: Any) -> bool:
    return isinstance(it, socket.socket) and it.family == socket.AF_INET  # a loop's own wake-up is no point


@dataclass(frozen=True)
class Ended:
    """How a forked run ended: killed `at` a call, or alive after these `calls`, with these `modules` loaded."""

    code: int
    at: str = ""
    calls: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


def forked(campaign: Campaign, point: Point | None = None) -> Ended:
    """Run a campaign in a fork of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run(campaign, point or ("", 0, "before"), writing)
    os.close(writing)
    told = b""
    deadline = threading.Timer(STUCK, lambda: os.kill(child, signal.SIGKILL))
    deadline.start()
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    deadline.cancel()
    deadline.join()
    return Ended(code=code, at=told.decode()) if code < 0 else Ended(code=code, **json.loads(told))


def _run(campaign: Campaign, point: Point, told: int) -> None:
    """Be the run, and never come back."""
    code = 70
    with suppress(BaseException):  # whatever it is, this process must not go on as its parent
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        os.chdir(campaign.folder)
        os.environ.update(campaign.environment())
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"said.{os.getpid()}.{name}", os.O_WRONLY | os.O_CREAT), number)
        counting = Countdown(*point, told=told)
        counting.install()
        code = command(["run", "m.yaml", "--yes", "--json"])
        _write(told, json.dumps({"calls": counting.made, "modules": list(sys.modules)}).encode())
    os._exit(code)


@dataclass
class Points:
    """What an enumeration came to: how many points were hit at which call, and the sum of the audits."""

    hit: Counter[str] = field(default_factory=Counter)
    figures: Figures = field(default_factory=Figures)

    def __str__(self) -> str:
        calls = ", ".join(f"{name} {count}" for name, count in sorted(self.hit.items()))
        return f"points {sum(self.hit.values())} ({calls})\n{self.figures}"


def enumerate_points(folder: Path, every: int, offset: int) -> Points:
    """Kill a run at every n-th point, from the first to the last, and audit what the next run makes of it."""
    points = Points()
    with Sandbox(folder / "service", speed=20_000) as sandbox:
        for number, point in enumerate(_all(_warmed_up(folder, sandbox))):
            if number % every != offset % every:
                continue
            name, nth, when = point
            campaign = _campaign(folder, f"{name}{nth}{when}", sandbox)
            if forked(campaign, point).at:
                points.hit[f"{when} {name}"] += 1
                points.figures += _begun_again(campaign, sandbox, f"{when} {name} {nth}")
    return points


def again_and_again(folder: Path, first: int, step: int) -> tuple[int, Figures]:
    """Kill a campaign at a call, its recovery at a later one, and so on, until one run comes through."""
    with Sandbox(folder / "service", speed=20_000) as sandbox:
        _warmed_up(folder, sandbox)
        campaign, kills = _campaign(folder, "c", sandbox), 0
        while forked(campaign, ("write", first + step * kills, "half")).at:
            kills += 1
        return kills, _begun_again(campaign, sandbox, "recovery")


def _warmed_up(folder: Path, sandbox: Sandbox) -> tuple[str, ...]:
    """Load here what a run loads, so that no fork has to; return the calls that a run makes."""
    ended = forked(_campaign(folder, "whole", sandbox))
    assert ended.code == 0, f"an unharmed run ended with {ended.code}"
    for name in ended.modules:
        with suppress(ImportError):
            importlib.import_module(name)
    return ended.calls


def _all(calls: tuple[str, ...]) -> Iterator[Point]:
    """Return before, in and after each call of each name; no two runs make quite the same, so one more of each."""
    for name, count in sorted(Counter(calls).items()):
        for nth in range(1, count + 2):
            yield name, nth, "before"
            if name in PARTED:
                yield name, nth, "half"
            yield name, nth, "after"


def _campaign(folder: Path, name: str, sandbox: Sandbox) -> Campaign:
    return Campaign(folder=folder / name, name=name, jobs=3, url=sandbox.url, run=RUN)


def _begun_again(campaign: Campaign, sandbox: Sandbox, at: str) -> Figures:
    code = forked(campaign).code
    figures = audit(campaign, sandbox.charges(campaign.name))
    figures.kills = 1
    states = sorted(record["state"] for record in campaign.records().values())
    if code != 0 or states != ["done"] * 3:
        figures.faults.append(f"{campaign.folder}: killed at {at}; the next run ended with {code}: {states}")
    return figures


def main() -> int:
    """Enumerate the points, all of them unless told otherwise."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    words.add_argument("--every", type=int, default=1)
    words.add_argument("--offset", type=int, default=0)
    words.add_argument("--again", type=int, metavar="STEP", help="kill the recoveries too, each so many writes later")
    asked = words.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="syscalls-", dir=MEMORY) as folder:
        if asked.again:
            kills, figures = again_and_again(Path(folder), 1 + asked.offset, asked.again)
            print(f"killed {kills} times in a row\n{figures}")
            return 1 if figures.faults else 0
        points = enumerate_points(Path(folder), asked.every, asked.offset)
    print(f"{points}\n{time.monotonic() - began:.0f} s")
    return 1 if points.figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
