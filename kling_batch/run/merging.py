"""Three files of one lock merged as git's merge drivers are asked to: the result goes into ours."""

from pathlib import Path

from kling_batch import store
from kling_batch.errors import StateError
from kling_batch.plan.heal import doubling
from kling_batch.plan.lockfile import LIMIT, Lock, belongs
from kling_batch.plan.lockfile import format as format_lock
from kling_batch.plan.merge import merge
from kling_batch.run.healing import read_lock
from kling_batch.run.repository import git
from kling_batch.text.decode import decode
from kling_batch.text.diagnostic import Diagnostic

_CONFLICTS = frozenset(range(1, 128))  # what `git merge-file` ends with: how many there are


def merge_files(base: Path, ours: Path, theirs: Path, place: str) -> tuple[Diagnostic, ...]:
    """Write the merge of three locks into ours, and return warnings; `place` is the lock's path as people know it.

    Whatever goes wrong, both sides stay: raises `StateError` where nothing certain can be done, and leaves in ours the
    text that git itself would have left, as it does for any other error.
    """
    try:
        lock, told = _merged(base, ours, theirs, place)
        store.write_atomic(ours, format_lock(lock).encode())
    except BaseException:
        labels = ("-L", "ours", "-L", "base", "-L", "theirs")
        git(Path(), "merge-file", *labels, str(ours), str(base), str(theirs), fails=_CONFLICTS)
        raise
    return told


def _merged(base: Path, ours: Path, theirs: Path, place: str) -> tuple[Lock, tuple[Diagnostic, ...]]:
    here, complaints = _read(ours, place)
    there, more = _read(theirs, place)
    if here is None or there is None:
        raise _refused(place, (*complaints, *more))
    if foreign := belongs(there, here.project, here.service, place=place):
        raise _refused(place, foreign)
    merged = merge(_read(base, place)[0], here, there)
    if merged.undecided:
        told = (f"`{each.key}` cannot be decided: {each.why}" for each in merged.undecided)
        raise _refused(place, tuple(Diagnostic(code="lock-conflict", message=each, place=place) for each in told))
    return merged.lock, tuple(doubling(place, each) for each in merged.doubled)


def _read(path: Path, place: str) -> tuple[Lock | None, tuple[Diagnostic, ...]]:
    source, complaints = decode(place, store.read_bytes(path, LIMIT), limit=LIMIT)
    return read_lock(source, ()) if source else (None, complaints)


def _refused(place: str, told: tuple[Diagnostic, ...]) -> StateError:
    repair = "keep the right records by hand, and run `kling-batch lock fmt`; both sides are in the file"
    return StateError(f"`{place}` cannot be merged", help=repair, diagnostics=told)
