"""How a process ends, and the disk that it writes to until then: slow, torn by a kill, and otherwise the real one."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import anyio
import anyio.lowlevel
from mortal import Mortal

from kling_batch import store

P = ParamSpec("P")
T = TypeVar("T")
GRACE = 150.0  # seconds: longer than any answer takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one process ends: killed before step `fatal`, or asked to stop at event `stop`, and again at `abort`."""

    fatal: int | None = None
    stop: int | None = None
    abort: int | None = None
    refused: range = range(0)
    grace: float = GRACE

    @property
    def is_graceful(self) -> bool:
        """Whether the process is asked to stop once, with time enough, and nothing else befalls it."""
        return self.stop is not None and self.abort is None and self.grace == GRACE and not (self.fatal or self.refused)


def ending(dice: random.Random) -> Ending:
    """Draw an ending: kills early and late, soft and hard stops, a disk that refuses, or none of it."""
    step = int(10 ** dice.uniform(0.0, 2.4))
    event = dice.randint(1, 40)
    match dice.randrange(10):
        case 0:
            return Ending(stop=event)
        case 1:
            return Ending(stop=event, abort=event + dice.choice((0, 0, 1, 5)))
        case 2:
            return Ending(stop=event, grace=dice.choice((0.0, 1.0)), fatal=dice.choice((None, step)))
        case 3:
            return Ending(refused=range(step, step + dice.choice((1, 3, 1000))))
        case 4:
            return Ending()
        case _:
            return Ending(fatal=step)


class SlowTape:
    """A journal file whose writes take their time, may be torn by a kill, and are real."""

    def __init__(self, file: store.Appender, *, weather: "Weather") -> None:
        self._file, self._weather = file, weather

    @property
    def is_full(self) -> bool:
        return self._file.is_full

    async def append(self, data: bytes) -> None:
        weather = self._weather
        await weather.pause()
        weather.tear(self._file, data)
        weather.mortal.step("before a line")
        weather.mortal.touch("a line")
        self._file.append(data)
        weather.mortal.step("after a line")
        await weather.pause()


@dataclass(slots=True, kw_only=True)
class Weather:
    """The disk of one process: how long it takes, and where it ends."""

    mortal: Mortal
    dice: random.Random
    slow: float

    async def pause(self) -> None:
        await anyio.sleep(self.dice.random() * self.slow)

    def tear(self, file: store.Appender, data: bytes) -> None:
        """Leave half a line behind where the next step is the last."""
        if data and self.mortal.fatal in {self.mortal.steps + 1, self.mortal.steps + 2} and self.dice.random() < 0.5:
            os.write(file._descriptor, data[: self.dice.randrange(len(data))])

    async def offload(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work as a thread would: while others go on, and to its end once it has begun."""
        await anyio.lowlevel.checkpoint()
        with anyio.CancelScope(shield=True):
            self.mortal.step("before work")
            await self.pause()
            done = work(*args, **kwargs)
            self.mortal.step("after work")
            await self.pause()
        return done
