"""Chosen takes copied or linked into a folder for somebody else, under clean names, never over another file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kling_batch import store
from kling_batch.errors import StateError
from kling_batch.run.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One take that is handed out: its name in the folder, where its video lies below the outputs, its checksum."""

    file: str
    output: str
    sha256: str


def export(chosen: Iterable[Chosen], shelf: Shelf, folder: Path, *, link: bool) -> None:
    """Put every video into the folder, linked where that is wished and can be; all or, where one cannot be, none.

    Raises `StateError` where a video is not here or not the one that was made, or where another file has its name;
    `DiskError` where the disk refuses.
    """
    every = tuple(chosen)
    for each in every:
        there = folder / each.file
        if shelf.checksum(each.output) != each.sha256:
            raise StateError(
                f"`{each.output}` is not here as it was made; nothing was exported",
                help="`verify --fetch` may bring it",
            )
        is_ours = not there.exists() or (there.is_file() and store.sha256_of(there) == each.sha256)
        if there.is_symlink() or not is_ours:
            raise StateError(
                f"another file lies at `{there.name}`; nothing was exported",
                help="move it away, or name another folder",
            )
    store.make_folder(folder)
    for each in every:
        here, there = shelf.path(each.output), folder / each.file
        if not there.exists() and not (link and store.link_file(here, there)):
            store.copy_file(here, there)
