"""What a review needs of the disk: posters of the videos, made once, and where everything lies."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from kling_batch import store
from kling_batch.errors import StateError
from kling_batch.media import stills
from kling_batch.plan.record import Record, State
from kling_batch.run.shelf import Shelf

FOLDER = "review"
POSTERS = "posters"
_HANDS = 4  # decoders at work at once; they leave the interpreter's lock alone


def make_posters(shelf: Shelf, records: Iterable[Record], folder: Path) -> tuple[str, ...]:
    """Make the posters that are not there yet, one a video, named by its content; return what went wrong, in words.

    Raises `DiskError` where the folder cannot be had, or refuses one.
    """
    wanted = {
        _poster_name(each): each
        for each in records
        if each.state is State.DONE and each.output and each.sha256 and shelf.path(each.output).is_file()
    }
    missing = {name: each for name, each in wanted.items() if not (folder / POSTERS / name).is_file()}
    if not missing:
        return ()
    store.make_folder(folder / POSTERS)

    def make(name: str) -> str:
        output = missing[name].output or ""
        try:
            store.write_atomic(folder / POSTERS / name, stills.poster(shelf.path(output)))
        except OSError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(_HANDS) as pool:
        return tuple(filter(None, pool.map(make, missing)))


def _poster_name(record: Record) -> str:
    return f"{(record.sha256 or '')[:16]}.jpg"


def poster_of(record: Record, folder: Path) -> Path | None:
    """Return where the poster of a video lies, `None` if there is none."""
    path = folder / POSTERS / _poster_name(record)
    return path if record.sha256 and path.is_file() else None


def video_of(record: Record, shelf: Shelf) -> Path | None:
    """Return where a video lies, `None` if it is not here or its place leads out of the root."""
    try:
        path = shelf.path(record.output or "")
    except StateError:
        return None
    return path if path.is_file() else None


def address(page: Path) -> Callable[[Path], str]:
    """Return how a page on disk names a file: by its relative path, escaped as a URL (RFC 3986, 2.1)."""

    def relative(path: Path) -> str:
        return quote(os.path.relpath(path, page).replace(os.sep, "/"))

    return relative
