"""The output folder: where a job's video lies, its sidecar beside it, and what may be put in whose place."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from kling_batch import store
from kling_batch.job import Json, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """All outputs below one root; every path is relative to it, with `/` between its parts. Its calls block."""

    root: Path
    seen: store.Seen = field(default_factory=store.Seen, compare=False)

    def path(self, output: str) -> Path:
        """Return where an output lies; raises `StateError` where that would leave the root."""
        return store.below(self.root, output)

    def place(self, output: str) -> Path:
        """Return where an output is to lie, in a folder that is there."""
        path = self.path(output)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def part(self, output: str) -> store.PartFile:
        """Open the part file of an output, with what an earlier run has left in it."""
        return store.PartFile(self.place(output))

    def is_from(self, output: str, task: TaskId) -> bool:
        """Say whether the file under that name was brought home for this task: its sidecar tells."""
        path = self.path(output)
        if not path.is_file():
            return False
        sidecar = self.sidecar(output)
        return sidecar is not None and sidecar.get("task") == task

    def sidecar(self, output: str) -> dict[str, Json] | None:
        """Return what lies beside an output, or `None` where that is nothing of ours."""
        try:
            value = json.loads(store.read_bytes(_beside(self.path(output)), 1_000_000))
        except (OSError, ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def write_sidecar(self, output: str, value: dict[str, Json]) -> None:
        """Put what a video was made from beside it."""
        text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
        store.write_atomic(_beside(self.path(output)), text.encode())

    def is_free(self, output: str) -> bool:
        """Say whether nothing lies under that name."""
        path = self.path(output)
        return not (path.exists() or path.is_symlink())

    def set_aside(self, output: str, sha256: str) -> str:
        """Give the file under that name the name of its content, sidecar and all; return where it lies now.

        The caller knows the file by this checksum. `hero/t1.mp4` becomes `hero/t1~ab12cd.mp4`.
        """
        kept = _aside(output, sha256)
        self.move(output, kept)
        return kept

    def aside(self, output: str, sha256: str | None) -> str:
        """Return where the file of that content was set aside to before a kill, empty if it was not."""
        kept = _aside(output, sha256) if sha256 else ""
        return kept if kept and self.checksum(kept) == sha256 else ""

    def move(self, output: str, target: str) -> None:
        """Move a video and its sidecar to another name, never over a file; raises `FileExistsError`."""
        here, there = self.path(output), self.path(target)
        there.parent.mkdir(parents=True, exist_ok=True)
        store.move_file(here, there)
        if _beside(here).is_file() and not _beside(there).exists():
            store.move_file(_beside(here), _beside(there))

    def checksum(self, output: str) -> str | None:
        """Return the sha256 of the file under that name, or `None` if there is none."""
        path = self.path(output)
        return store.sha256_of(path) if path.is_file() else None

    def open(self, output: str) -> BinaryIO:
        """Open an output for reading."""
        return self.path(output).open("rb")


def _aside(output: str, sha256: str) -> str:
    stem, dot, suffix = output.rpartition(".")
    return f"{stem}~{sha256[:6]}{dot}{suffix}"


def _beside(video: Path) -> Path:
    return video.with_name(f"{video.name}.json")
