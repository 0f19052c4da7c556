"""Where a record and its request come from: the commit that brought them, and the request rendered again out of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kling_batch.errors import UsageError
from kling_batch.job import Json, Request, SpecHash
from kling_batch.manifest.load import load as load_manifest
from kling_batch.manifest.model import Manifest
from kling_batch.plan.record import Record
from kling_batch.run.repository import Revision, git
from kling_batch.run.shelf import Shelf
from kling_batch.text.decode import decode

TRIES = 5  # commits in which an old request is looked for
_FAILS = frozenset({1, 128, 129})


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit, as people name it."""

    hash: str
    date: str
    author: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How a manifest is read again: the file, its lock, and what was said about reading it."""

    manifest: Path
    lock: Path
    profile: str
    env: Mapping[str, str]
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of the service for a video, in the API's field names, and who says so."""

    body: Mapping[str, Json]
    told_by: str


def introduction(file: Path, text: str) -> Commit | None:
    """Return the first commit in which a text stood in a file; `None` where git knows none, or nothing at all."""
    commits = _log(file, "--reverse", f"-S{text}")
    return next(commits, None)


def asked_then(source: Source, record: Record, shelf: Shelf) -> Asked | None:
    """Return the request that a record's spec is of: from the sidecar, else rendered again as git has the manifest."""
    beside = shelf.sidecar(record.output) if record.output else None
    match beside:
        case {"spec": spec, "request": dict(body)} if spec == record.spec:
            return Asked(body=body, told_by="its sidecar")
    for commit in _candidates(source.lock, record.spec):
        request = _rendered(source, commit, record.spec)
        if request is not None:
            return Asked(body=request.body(), told_by=f"commit {commit.hash[:10]}")
    return None


def _candidates(lock: Path, spec: SpecHash) -> Iterator[Commit]:
    """Yield the commits that may have a spec's manifest: those that brought it into the lock, then the lock's last."""
    seen = set()
    for words in ((f"-{TRIES}", f"-S{spec}"), ("-1",)):
        for commit in _log(lock, *words):
            if commit.hash not in seen:
                yield commit
            seen.add(commit.hash)


def _rendered(source: Source, commit: Commit, spec: SpecHash) -> Request | None:
    manifest = manifest_then(source, commit.hash)
    jobs = manifest.jobs if manifest else ()
    return next((job.request for job in jobs if job.spec.hash == spec), None)


def manifest_then(source: Source, commit: str) -> Manifest | None:
    """Return a manifest as one commit has it; `None` where it was not there, or not right."""
    try:
        revision = Revision(source.manifest.parent, commit)
        text, _ = decode(source.manifest.name, revision.read(source.manifest.name))
    except (OSError, UsageError):
        return None
    if text is None:
        return None
    manifest, _ = load_manifest(
        text, read=revision.read, env=source.env, variables=source.variables, profile=source.profile
    )
    return manifest


def _log(file: Path, *words: str) -> Iterator[Commit]:
    """Yield a file's commits, newest first; nothing where there is no git, no repository or no commit."""
    form = "--format=%H%x1f%as%x1f%an%x1f%s"
    try:
        told = git(file.parent, "log", "--no-textconv", "--no-ext-diff", form, *words, "--", file.name, fails=_FAILS)
    except UsageError:
        return
    for line in told.decode(errors="replace").splitlines():
        match line.split("\x1f"):
            case [hash_, date, author, subject]:
                yield Commit(hash=hash_, date=date, author=author, subject=subject)
