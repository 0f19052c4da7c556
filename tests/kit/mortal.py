"""A process that can be killed without leaving this one: at a chosen step, and from then on it does nothing more.

A step is anything that a kill could come before: a line of the journal, a blocking call, an event on the screen, a
request, and every call of the store that changes a name or a file's length, seen through Python's own audit events.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_ON_DISK = frozenset({"open", "os.rename", "os.link", "os.remove", "os.truncate", "os.mkdir"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_living: list["Mortal"] = []


class Killed(BaseException):
    """The process is gone; nobody in it can do anything about that."""


@dataclass(slots=True)
class Mortal:
    """Counts the steps of one process, and dies before step number `fatal`. `refused` steps of the disk raise `EIO`."""

    folder: str
    fatal: int | None = None
    refused: range = range(0)
    steps: int = 0
    where: str = ""

    @property
    def is_dead(self) -> bool:
        return self.where != ""

    def step(self, name: str) -> None:
        """Come to a step; raises `Killed` at the fatal one, and at every one after it."""
        if self.is_dead:
            raise Killed(self.where)
        self.steps += 1
        if self.steps == self.fatal:
            self.where = name
            raise Killed(name)

    def touch(self, name: str) -> None:
        """Come to a step that changes the disk."""
        self.step(name)
        if self.steps in self.refused:
            raise OSError(5, "Input/output error")


@contextmanager
def alive(mortal: Mortal) -> Iterator[None]:
    """Let a mortal run; its death ends the block without an exception."""
    _hook_once()
    _living.append(mortal)
    try:
        with suppress(Killed):
            yield
    except BaseException as error:
        if not mortal.is_dead or isinstance(error, KeyboardInterrupt):
            raise
    finally:
        _living.clear()


def _hook_once(done: list[bool] = []) -> None:  # noqa: B006 - an audit hook is for ever, so there must be one only
    if not done:
        done.append(True)
        sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _ON_DISK or not _living:
        return
    mortal, path = _living[-1], arguments[0]
    if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITES):
        return
    place = path if isinstance(path, int) else os.fspath(path)  # type: ignore[call-overload]  # what it is made for
    if isinstance(place, str) and (not place.startswith(mortal.folder) or ".run.lock" in place):
        return
    mortal.touch(f"{event} {'it' if isinstance(place, int) else place.rpartition('/')[2]}")
