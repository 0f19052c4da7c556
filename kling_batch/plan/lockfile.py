"""The lock: block-JSON in git, byte-stable, one key line and one payload line a job (design section 6)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kling_batch.events import Fact
from kling_batch.job import Key
from kling_batch.plan.record import Record
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Everything the lock file says. `look_up` is the model on which look-up by business id is proven, if it is."""

    project: str
    service: str
    jobs: Mapping[Key, Record]
    look_up: str | None = None


def parse(source: Source) -> tuple[Lock | None, tuple[Diagnostic, ...]]:
    """Return the lock, or what is damaged in it: empty, truncated, newer, conflict marks, escaping paths, bad ids."""
    raise NotImplementedError


def format(lock: Lock) -> str:  # noqa: A001 - the verb that people know from other tools
    """Return the lock's one text: the same lock gives the same bytes, and `parse(format(lock)) == lock`."""
    raise NotImplementedError


def fold(lock: Lock, facts: Iterable[Fact]) -> Lock:
    """Return the lock after facts, in their order."""
    raise NotImplementedError
