"""Real code of both backends in virtual time: an hour passes as soon as nobody has anything to do."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import trio.testing

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]  # the class is chosen by the platform
    """Polls without waiting, and adds the wait that was asked for to the clock instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("deadlock: everybody waits for nothing")
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose clock jumps to the next thing that is due."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def run(function: Callable[..., Awaitable[T]], *arguments: Any, backend: str = "asyncio", seed: int = 0) -> T:
    """Run an async function to its end in virtual time, on `asyncio` or `trio`, whose scheduler draws from `seed`."""
    if backend == "trio":
        trio._core._run._r.seed(seed)  # the only way to the dice that shuffle tasks
    options: dict[str, Any] = (
        {"loop_factory": VirtualLoop}
        if backend == "asyncio"
        else {"clock": trio.testing.MockClock(autojump_threshold=0)}
    )
    return anyio.run(function, *arguments, backend=backend, backend_options=options)
