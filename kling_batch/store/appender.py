"""A file that only grows, durably: what the journal is written with."""

import os
from contextlib import suppress
from pathlib import Path

from kling_batch.errors import DiskError, StateError
from kling_batch.store.files import FULL, GUARDED, only_regular, sync_folder, write_all, writing

_RESERVE = 64 * 1024


class Appender:
    """A file that only grows, each addition durable before `append` returns.

    It is opened at `size` bytes; what stands behind that is cut off. Once anything has failed it refuses everything
    else. On a full disk it gives up its reserve, `is_full` turns true, and there is room to write down what is known.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        self.is_full = False
        self._path, self._size = path, size
        self._reserve = path.with_name(f"{path.name}.reserve")
        self._broken = ""
        with writing(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | GUARDED, 0o644)
            try:
                self._open(size)
            except BaseException:
                os.close(self._descriptor)
                raise

    def _open(self, size: int) -> None:
        only_regular(self._descriptor, self._path)
        if os.fstat(self._descriptor).st_size < size:
            raise self._changed()
        os.ftruncate(self._descriptor, size)
        os.fsync(self._descriptor)
        self._set_aside()
        sync_folder(self._path.parent)
        sync_folder(self._path.parent.parent)

    def append(self, data: bytes) -> None:
        """Add bytes and sync them. Raises `DiskError`, or `StateError` if somebody else has touched the file."""
        if self._broken:
            raise DiskError(f"`{self._path.name}` is not written any more: {self._broken}")
        try:
            self._check()
            with writing(self._path):
                self._write(data)
                os.fdatasync(self._descriptor)
        except BaseException as error:
            self._broken = str(error)
            self._cut_back()
            raise
        self._size += len(data)

    def close(self) -> None:
        """Close the file, and give its reserve back."""
        self._broken = "it is closed"
        os.close(self._descriptor)
        self._reserve.unlink(missing_ok=True)

    def _check(self) -> None:
        here = os.fstat(self._descriptor)
        try:
            named = self._path.lstat()
        except FileNotFoundError as error:
            raise self._changed() from error
        if not os.path.samestat(here, named) or here.st_size != self._size:
            raise self._changed()

    def _changed(self) -> StateError:
        return StateError(
            f"`{self._path.name}` was deleted, replaced or cut by another program",
            help="nothing more is sent; the lock holds what was known at its last writing",
        )

    def _write(self, data: bytes) -> None:
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            if error.errno not in FULL or self.is_full:
                raise
            self.is_full = True
            self._reserve.unlink(missing_ok=True)
            os.ftruncate(self._descriptor, self._size)
            write_all(self._descriptor, data)

    def _cut_back(self) -> None:
        """Leave no half line behind; if the disk refuses even that, replay drops it."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, self._size)

    def _set_aside(self) -> None:
        self._reserve.unlink(missing_ok=True)
        descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_EXCL | GUARDED, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, _RESERVE)
        finally:
            os.close(descriptor)
