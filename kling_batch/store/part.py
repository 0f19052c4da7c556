"""A download on its way to its name."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from kling_batch.store.files import (
    GUARDED,
    move_file,
    only_regular,
    read_bytes,
    sync_folder,
    write_all,
    write_atomic,
    writing,
)

_LARGEST_NOTE = 64 * 1024
_PIECE = 1024 * 1024  # bytes


class PartFile:
    """A download on its way to its final path: `size` bytes are there, hashed, of a version with that `etag`.

    `total` is how long that version is, `None` where nobody said. The file lies beside the final path as `<name>.part`,
    the other two in `<name>.part.json`. What an earlier run left is taken up again; the caller restarts it where the
    service has another version.
    """

    def __init__(self, final: Path) -> None:
        self._final = final
        self._path = final.with_name(f"{final.name}.part")
        self._note = final.with_name(f"{final.name}.part.json")
        with writing(self._path):
            self._part_from_others()
            self._file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | GUARDED, 0o644), "r+b", buffering=0)
        try:
            only_regular(self._file.fileno(), self._path)
            self._hash = hashlib.file_digest(self._file, "sha256")
            self.size = self._file.tell()
            self.etag, self.total = self._noted()
        except BaseException:
            self._file.close()
            raise

    def _part_from_others(self) -> None:
        """Take the name off a file that has another one too, as after a kill in mid-`finish`: it is a video by now."""
        with suppress(FileNotFoundError):
            if self._path.lstat().st_nlink > 1:
                self._path.unlink()

    @property
    def sha256(self) -> str:
        """The sha256 of what is there, in hexadecimal."""
        return self._hash.hexdigest()

    def restart(self, etag: str | None = None, total: int | None = None) -> None:
        """Begin again with another version; what was there is durably gone before the new etag may be."""
        if self.size:
            with writing(self._path):
                self._file.seek(0)
                self._file.truncate()
                os.fsync(self._file.fileno())
        # a first note that is lost costs a new download; a second one would leave the first to speak for other bytes
        note = json.dumps({"etag": etag, "total": total})
        write_atomic(self._note, note.encode(), durable=self.etag is not None)
        self._hash, self.size, self.etag, self.total = hashlib.sha256(), 0, etag, total

    def append(self, data: bytes) -> None:
        """Add bytes, all of them or none; they are durable only after `finish`."""
        with writing(self._path):
            try:
                write_all(self._file.fileno(), data)
            except OSError:
                self._file.truncate(self.size)  # else the next bytes would come behind a half of these
                self._file.seek(self.size)
                raise
        self._hash.update(data)
        self.size += len(data)

    def open(self) -> BinaryIO:
        """Open what is there for reading."""
        return self._path.open("rb")

    def finish(self) -> None:
        """Sync the file and give it its final name, never over another file: raises `FileExistsError`."""
        with writing(self._path):
            os.fsync(self._file.fileno())
        move_file(self._path, self._final)
        self._note.unlink(missing_ok=True)

    def suspect(self) -> None:
        """Keep it as `<name>.suspect`: complete, and not what it should be."""
        with writing(self._path):
            os.fsync(self._file.fileno())
            self._path.replace(self._final.with_name(f"{self._final.name}.suspect"))
            self._note.unlink(missing_ok=True)
            sync_folder(self._path.parent)

    def discard(self) -> None:
        """Throw it away: it never was a part of the video."""
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def close(self) -> None:
        """Close it, and leave it for the next run."""
        self._file.close()

    def _noted(self) -> tuple[str | None, int | None]:
        try:
            match json.loads(read_bytes(self._note, _LARGEST_NOTE)):
                case {"etag": str(etag), "total": int(total)}:
                    return etag, total
                case {"etag": str(etag)}:
                    return etag, None
        except (OSError, ValueError):
            pass
        return None, None


def copy_file(source: Path, target: Path) -> None:
    """Copy a file to a free name: there it is whole and durable, or not at all. Raises `FileExistsError`."""
    part = PartFile(target)
    try:
        part.restart()
        with source.open("rb") as file:
            while piece := file.read(_PIECE):
                part.append(piece)
        part.finish()
    finally:
        part.close()
