"""A journal read back: what a run knew that its lock file does not say yet. A plan needs this, and no event loop."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from kling_batch import store
from kling_batch.errors import StateError
from kling_batch.events import Fact
from kling_batch.plan.lockfile import Lock, fold
from kling_batch.plan.recovery import joined
from kling_batch.run.entries import MOVE_AWAY, Reader

LARGEST = 2_000_000_000  # bytes that are read at most
BEGINNING = 1024  # bytes that a kill in the very first write may leave, without one whole line


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a journal says beyond a lock file.

    With `fits` the facts begin where the lock ends, else they are all that the journal has. `knows_all` says that no
    lock file of other facts ever came in. `size` are the bytes that stand, 0 where there is no journal yet; with `torn`
    more lay behind them.
    """

    facts: tuple[Fact, ...] = ()
    fits: bool = False
    knows_all: bool = True
    torn: bool = False
    size: int = 0
    next_seq: int = 0


def replay(path: Path, project: str, service: str, content: bytes) -> Replayed:
    """Return what the journal at a path says beyond a lock file of that content (empty where there is none).

    Raises `StateError` for a journal that is damaged, newer, or not that of this lock; nothing is changed.
    """
    try:
        data = store.read_bytes(path, LARGEST, follow=False)
    except FileNotFoundError:
        return Replayed()
    except OSError as error:
        raise StateError(f"cannot read `{path.name}`: {error.strerror}", help=MOVE_AWAY) from error
    return read(path.name, data, project, service, hashlib.sha256(content).hexdigest() if content else "")


def read(name: str, data: bytes, project: str, service: str, sha256: str) -> Replayed:
    """Return what a journal's bytes say beyond the lock file with that sha256; else as `replay`."""
    reader = Reader(name, data)
    facts: list[tuple[int, bytes]] = []
    known: dict[str, int] = {}
    knows_all, number = True, -1
    for number, kind, body in reader.entries():
        match kind:
            case "head" if number == 0:
                reader.belongs(body, project, service)
            case "fact" if number > 0:
                facts.append((number, body))
            case "checkpoint" if number > 0:
                known[reader.sha256(number, body)] = len(facts)
            case "base" if number > 0:
                knows_all = False
            case _:
                raise reader.damaged(number, "journal-head", "a head stands first, and only there")
    if number < 0 and len(data) > BEGINNING:
        raise reader.damaged(0, "journal-head", "not one line of this journal can be read")
    since = known.get(sha256)
    return Replayed(
        facts=tuple(reader.fact(number, body) for number, body in facts[since or 0 :]),
        fits=since is not None,
        knows_all=knows_all,
        torn=reader.size < len(data),
        size=reader.size,
        next_seq=number + 1,
    )


def recovered(lock: Lock | None, replayed: Replayed, project: str, service: str) -> Lock:
    """Return what the lock file and the journal know together.

    Where the facts do not begin at the lock (it was merged, or taken from elsewhere), both are joined key by key.
    Raises `StateError` where the lock is gone and the journal never knew all of it.
    """
    empty = Lock(project=project, service=service, jobs={})
    if lock is None and not replayed.knows_all:
        raise StateError(
            "the lock is gone, and the journal beside it does not know all that was in it",
            help="bring the lock back with `git checkout`, or run `kling-batch recover`; nothing was sent",
        )
    try:
        if lock is None or replayed.fits:
            return fold(lock or empty, replayed.facts)
        return joined(lock, replayed.facts)
    except ValueError as error:
        raise StateError(f"the journal does not fit its lock: {error}", help=MOVE_AWAY) from error
