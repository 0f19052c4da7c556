"""What a review needs of the disk: the picks that people made, posters of the videos, and where everything lies."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from kling_batch import store
from kling_batch.errors import LockHeldError, ManifestError, StateError
from kling_batch.job import Key
from kling_batch.media import stills
from kling_batch.plan.picks import Pick, Picks, edited, parse_picks
from kling_batch.plan.record import Record, State
from kling_batch.run.shelf import Shelf
from kling_batch.run.workspace import Campaign
from kling_batch.text.decode import decode
from kling_batch.text.diagnostic import Diagnostic

FOLDER = "review"
POSTERS = "posters"
LARGEST_PICKS = 5_000_000  # bytes
_HANDS = 4  # decoders at work at once; they leave the interpreter's lock alone
_writing = threading.Lock()


def read_picks(campaign: Campaign) -> Picks:
    """Return what people chose, nothing where there is no file; raises `ManifestError` where it cannot be used."""
    path = campaign.places.picks
    try:
        content = store.read_bytes(path, LARGEST_PICKS)
    except FileNotFoundError:
        return Picks()
    except OSError as error:
        why = Diagnostic(code="no-picks", message=f"cannot read it: {error.strerror or error}", place=path.name)
        raise ManifestError((why,)) from error
    source, told = decode(path.name, content)
    picks, found = parse_picks(source) if source else (None, ())
    if picks is None:
        raise ManifestError((*told, *found))
    return picks


def write_pick(campaign: Campaign, key: Key, pick: Pick) -> Picks:
    """Change what is said of one job, and return the file as it is now; what else is in it stays byte for byte.

    Raises `ManifestError` where the file cannot be used, `DiskError` where the disk refuses.
    """
    with _alone(campaign):
        picks = edited(read_picks(campaign), key, pick)
        store.write_atomic(campaign.places.picks, picks.text().encode())
        return picks


@contextmanager
def _alone(campaign: Campaign) -> Iterator[None]:
    """Be the only one of our processes that edits the picks of a campaign; a person's editor asks nobody."""
    places = campaign.places
    store.own_folder(places.own)
    name = places.run_lock.name.removesuffix(".run.lock")
    with _writing:
        try:
            with store.RunLock(places.own / f"{name}.picks.lock"):
                yield
        except LockHeldError as error:
            raise StateError("another review is writing the picks just now", help="choose again") from error


def make_posters(shelf: Shelf, records: Iterable[Record], folder: Path) -> tuple[str, ...]:
    """Make the posters that are not there yet, one a video, named by its content; return what went wrong, in words."""
    wanted = {
        _poster_name(each): each
        for each in records
        if each.state is State.DONE and each.output and each.sha256 and shelf.path(each.output).is_file()
    }
    missing = {name: each for name, each in wanted.items() if not (folder / POSTERS / name).is_file()}
    if not missing:
        return ()
    (folder / POSTERS).mkdir(parents=True, exist_ok=True)

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
