"""Leftover files moved to the trash, each only while it is what the lock knows by checksum."""

import errno
from collections.abc import Sequence
from pathlib import Path

from kling_batch import store
from kling_batch.errors import StateError
from kling_batch.events import Pruned
from kling_batch.plan.history import result_of
from kling_batch.plan.leftover import Leftover
from kling_batch.run.finding import locks_below, project_of
from kling_batch.run.shelf import Shelf
from kling_batch.run.workspace import Places

TRASH = "trash"


def trash_of(places: Places) -> Path:
    """Return the folder to which files are pruned; it lies in the folder that ignores itself for git."""
    return places.own / TRASH


def unneeded(found: Sequence[Leftover], places: Places) -> tuple[Leftover, ...]:
    """Return the leftovers whose content no other lock of the project has as a result: a root may be shared."""
    needed = set()
    for path, lock in locks_below(project_of(places.manifest.parent.resolve())) if found else ():
        if path != places.lock.resolve():
            videos = (result_of(record) for record in lock.jobs.values())
            needed |= {video.sha256 for video in videos if video}
    return tuple(each for each in found if each.sha256 not in needed)


def there(found: Sequence[Leftover], places: Places) -> tuple[tuple[Leftover, ...], tuple[Leftover, ...]]:
    """Return the leftovers whose file is here, and those where something else lies under the name."""
    shelf = Shelf(root=places.outputs)
    lies = {each: _content(each.output, shelf) for each in found}
    ours = tuple(each for each in found if lies[each] == each.sha256)
    return ours, tuple(each for each in found if lies[each] not in {None, each.sha256})


def _content(output: str, shelf: Shelf) -> str | None:
    """Return the checksum of what lies under a name, `None` for nothing, empty behind a link, which is not followed."""
    try:
        return shelf.checksum(output)
    except StateError:
        return ""


def throw_away(found: Sequence[Leftover], places: Places) -> list[Pruned]:
    """Move files with their sidecars to the trash; return the facts, also of those that a kill left untold there."""
    shelf, facts = Shelf(root=places.outputs), []
    for each in found:
        bin_ = trash_of(places) / _name(each)
        if _content(each.output, shelf) == each.sha256:
            here = shelf.path(each.output)
            _move(here, bin_)
            beside = here.with_name(f"{here.name}.json")
            if beside.is_file():
                _move(beside, bin_.with_name(f"{bin_.name}.json"))
        if bin_.is_file():
            facts.append(Pruned(key=each.key, sha256=each.sha256))
    return facts


def _name(each: Leftover) -> str:
    """Return where a file lies in the trash: under a name of its content, so that no two ever meet there."""
    stem, dot, suffix = each.output.rpartition(".")
    mark = f"~{each.sha256[:6]}"
    return each.output if stem.endswith(mark) else f"{stem}{mark}{dot}{suffix}"


def _move(here: Path, bin_: Path) -> None:
    bin_.parent.mkdir(parents=True, exist_ok=True)
    if bin_.is_file():
        bin_.unlink()  # a copy of the same content, from an earlier prune
    try:
        store.move_file(here, bin_)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        store.copy_file(here, bin_)
        here.unlink()
