"""One runner at a time."""

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kling_batch.errors import LockHeldError, StateError
from kling_batch.store.files import read_bytes, write_atomic

if TYPE_CHECKING:
    from filelock import BaseFileLock


class RunLock:
    """One runner at a time: a lock of the operating system, which dies with its process; it may be nested."""

    def __init__(self, path: Path) -> None:
        from filelock import FileLock  # noqa: PLC0415 - a verb that only reads need not wait for it

        self._lock: BaseFileLock = FileLock(path, timeout=0, thread_local=False, is_singleton=True)
        self._note = path.with_name(f"{path.name}.holder")

    def __enter__(self) -> Self:
        from filelock import FileLock, Timeout  # noqa: PLC0415 - as above

        try:
            self._lock.acquire()
        except Timeout as error:
            raise LockHeldError(self._holder()) from error
        except (OSError, NotImplementedError) as error:
            raise self._unlockable() from error
        if not isinstance(self._lock, FileLock):  # it has become a soft one, which would outlive its process
            self._lock.release()
            raise self._unlockable()
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        write_atomic(self._note, f"process {os.getpid()} on {socket.gethostname()} since {since}".encode())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()

    def _holder(self) -> str:
        try:
            return read_bytes(self._note, 1000, follow=False).decode(errors="replace")
        except OSError:
            return "it left no note"

    def _unlockable(self) -> StateError:
        return StateError(
            f"`{self._note.parent.name}` lies on a file system without locks",
            help="keep the manifest on a local disk: without a lock two runs could pay twice",
        )
