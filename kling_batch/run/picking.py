"""The picks file of a campaign, read and edited beside its manifest."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from kling_batch import store
from kling_batch.errors import LockHeldError, ManifestError, StateError
from kling_batch.job import Key
from kling_batch.plan.picks import Pick, Picks, edited, parse_picks, renamed
from kling_batch.run.workspace import Campaign
from kling_batch.text.decode import decode
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source

LARGEST_PICKS = 5_000_000  # bytes
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


def write_pick(campaign: Campaign, key: Key, change: Callable[[Pick], Pick]) -> Picks:
    """Change what is said of one job, and return the file as it is now; what else is in it stays byte for byte.

    `change` is given what the file says of the job now: somebody else may have written a note meanwhile.

    Raises `ManifestError` where the file cannot be used, `StateError` where an edit by lines would damage what a person
    wrote, `DiskError` where the disk refuses.
    """
    with _alone(campaign):
        before = read_picks(campaign)
        return _write(campaign, edited(before, key, change(before.picks.get(key, Pick()))))


def rename_picks(campaign: Campaign, names: Mapping[Key, Key]) -> None:
    """Let what was said of jobs be said of them under their new names; raises as `write_pick` does.

    To be done before the records get those names: done twice it changes nothing, so a kill in between leaves no pick
    behind.
    """
    if not names or names.keys().isdisjoint(read_picks(campaign).picks):
        return
    with _alone(campaign):
        _write(campaign, renamed(read_picks(campaign), names))


def _write(campaign: Campaign, picks: Picks) -> Picks:
    path = campaign.places.picks
    if path.is_symlink():
        raise StateError(f"`{path.name}` is a symbolic link", help="put the file itself there")
    again, _ = parse_picks(Source(path.name, picks.text()))
    if again is None or again.picks != picks.picks:
        raise StateError(
            f"`{path.name}` cannot be edited line by line; nothing was written",
            help="write each job on a line of its own, below `picks:`",
        )
    store.write_atomic(path, picks.text().encode())
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
