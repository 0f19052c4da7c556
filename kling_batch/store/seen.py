"""What files held when they were last read: a memory that spares reading thousands of videos that nobody touched."""

import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from kling_batch.errors import DiskError
from kling_batch.store.files import read_bytes, sha256_of, write_atomic

_LARGEST = 100_000_000  # bytes; a million files take more, and are then read each time
_VERSION = 1

Mark: TypeAlias = tuple[int, int, int]
"""Size, time of the last change in nanoseconds, and inode: where one differs the content may."""


class Seen:
    """Checksums of the files below `root`, kept at `path`; one is believed only while its file's mark is the same.

    Without a path nothing is kept. A file that is lost or damaged costs one reading of everything, and nothing else.
    """

    def __init__(self, path: Path | None = None, root: Path = Path()) -> None:
        self._path, self._root = path, os.fspath(root)
        self._before: dict[str, tuple[Mark, str]] | None = None
        self._now: dict[str, tuple[Mark, str]] = {}

    def has_folder(self, folder: str) -> bool:
        """Say whether a folder of outputs is there."""
        return os.path.isdir(f"{self._root}/{folder}")  # noqa: PTH112 - as in `_mark`

    def sha256_of(self, output: str) -> tuple[int, str] | None:
        """Return size and sha256 of a file, from memory if it is as it was; `None` if there is no regular file."""
        path = f"{self._root}/{output}"
        mark = _mark(path)
        if mark is None:
            return None
        if self._before is None:
            self._before = self._kept()
        known = self._now.get(output) or self._before.get(output)
        if known is None or known[0] != mark:
            known = mark, sha256_of(Path(path))
        self._now[output] = known
        return mark[0], known[1]

    def remember(self, output: str, sha256: str) -> None:
        """Take in the checksum of a file that was written just now."""
        mark = _mark(f"{self._root}/{output}")
        if mark is not None:
            self._now[output] = mark, sha256

    def save(self) -> None:
        """Keep what was asked for since the start; a disk that refuses is no reason to fail anything."""
        if self._path is None or not self._now or self._now == self._before:
            return
        text = json.dumps({"version": _VERSION, "files": self._now}, separators=(",", ":"))
        with suppress(OSError, DiskError):
            write_atomic(self._path, text.encode())

    def _kept(self) -> dict[str, tuple[Mark, str]]:
        if self._path is None:
            return {}
        try:
            match json.loads(read_bytes(self._path, _LARGEST, follow=False)):
                case {"version": 1, "files": dict(files)}:
                    return {
                        name: ((size, time, inode), sha256) for name, ((size, time, inode), sha256) in files.items()
                    }
                case _:
                    return {}
        except (OSError, ValueError, TypeError, RecursionError):
            return {}


def _mark(path: str) -> Mark | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a path object for each of many files costs more than the question
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None
