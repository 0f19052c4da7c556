"""The files that a manifest names: read once, below its folder only, and remembered by the hash of their content."""

import hashlib
import posixpath

from kling_batch.manifest.bounds import RefusedError
from kling_batch.manifest.model import Read
from kling_batch.text.decode import decode
from kling_batch.text.source import Source


class Folder:
    """A manifest's folder, seen through the `read` that was passed in. `place` is its path as people know it."""

    def __init__(self, read: Read, place: str) -> None:
        self._read = read
        self._place = place
        self._contents: dict[str, bytes] = {}

    @property
    def hashes(self) -> dict[str, str]:
        """The sha256 of every file that was read, by its path."""
        return {path: hashlib.sha256(content).hexdigest() for path, content in sorted(self._contents.items())}

    def content(self, path: str) -> bytes:
        """Return what a file holds; raises `RefusedError` where it cannot be had."""
        if path not in self._contents:
            if (fault := path_fault(path)) is not None:
                raise RefusedError("file-outside", f"`{path}` {fault}", remedy=_BELOW, word=path)
            try:
                self._contents[path] = self._read(path)
            except PermissionError as error:
                raise RefusedError(
                    "file-outside", f"`{path}` cannot be used: {_reason(error)}", remedy=_BELOW
                ) from error
            except OSError as error:
                raise RefusedError(
                    "file-missing", f"`{path}` cannot be read: {_reason(error)}", remedy=_BELOW
                ) from error
        return self._contents[path]

    def source(self, path: str) -> Source:
        """Return a text file; raises `RefusedError` where it cannot be had or is no UTF-8 text."""
        source, diagnostics = decode(posixpath.join(self._place, path), self.content(path))
        if source is None:
            raise RefusedError(diagnostics[0].code, f"`{path}`: {diagnostics[0].message}", remedy=diagnostics[0].help)
        return source


_BELOW = "files are named from the manifest's folder, and lie below it"


def path_fault(path: str) -> str | None:
    """Return why a path cannot name a file below the manifest's folder, or `None`."""
    parts = path.split("/")
    if not path.strip():
        return "is empty"
    if path.startswith(("/", "~")) or "\\" in path or (len(path) > 1 and path[1] == ":"):
        return "is not a path relative to the manifest's folder"
    if ".." in parts:
        return "leads out of the manifest's folder"
    if any(part.startswith(".") or not part for part in parts):
        return "names a hidden file"
    if not path.isprintable():
        return "has invisible characters"
    return None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()
