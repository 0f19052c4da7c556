"""A manifest and its lock as they are in a commit: read through git, never from the working tree."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kling_batch.errors import ManifestError, StateError
from kling_batch.manifest.load import load
from kling_batch.manifest.model import Manifest
from kling_batch.plan.lockfile import LIMIT, Lock, belongs
from kling_batch.run.healing import read_lock
from kling_batch.run.repository import Revision
from kling_batch.run.workspace import stem_of
from kling_batch.text.decode import decode
from kling_batch.text.diagnostic import errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a manifest is read, whatever the revision: as in `workspace.load`; `service` is what its lock is bound to."""

    variables: Mapping[str, str]
    env: Mapping[str, str]
    service: str
    sandbox: bool = False
    profile: str = ""


def manifest_at(path: Path, revision: Revision, reading: Reading) -> Manifest | None:
    """Return a manifest with all that it names as of a commit, or `None` where the commit has none there.

    Raises `ManifestError` where it is wrong there.
    """
    try:
        content = revision.read(path.name)
    except FileNotFoundError:
        return None
    source, complaints = decode(f"{revision.name}:{path.as_posix()}", content)
    if source is None:
        raise ManifestError(complaints)
    manifest, told = load(
        source, read=revision.read, env=reading.env, variables=reading.variables, profile=reading.profile
    )
    if manifest is None or errors(told):
        raise ManifestError((*complaints, *told))
    return manifest


def lock_at(path: Path, manifest: Manifest, revision: Revision, reading: Reading) -> Lock:
    """Return the lock beside a manifest as of a commit; an empty one where the commit has none.

    Raises `StateError` where it cannot be used.
    """
    name = f"{stem_of(path, manifest.profile, sandbox=reading.sandbox)}.lock.json"
    try:
        content = revision.read(name)
    except FileNotFoundError:
        return Lock(project=manifest.project, service=reading.service, jobs={})
    source, complaints = decode(f"{revision.name}:{name}", content, limit=LIMIT)
    lock, told = read_lock(source, manifest.jobs) if source else (None, ())
    foreign = belongs(lock, manifest.project, reading.service, place=f"{revision.name}:{name}") if lock else ()
    if lock is None or foreign:
        why = f"the lock of `{revision.name}` cannot be used"
        raise StateError(why, help="mend it there, or name another commit", diagnostics=(*complaints, *told, *foreign))
    return lock
