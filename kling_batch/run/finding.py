"""From a video to what the project knows of it: the lock that has its checksum, else the one that its sidecar names."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kling_batch import store
from kling_batch.job import Json, Key
from kling_batch.plan.history import result_of
from kling_batch.plan.join import tasks
from kling_batch.plan.lockfile import LIMIT, Lock, parse
from kling_batch.plan.record import Record
from kling_batch.run.workspace import SANDBOX
from kling_batch.text.decode import decode

_SUFFIX = ".lock.json"
_NOT_OURS = frozenset({"node_modules", "__pycache__", "venv"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The draw that made a video: whether it is the job's result, and whether the file is as it was recorded."""

    lock: Path
    project: str
    service: str
    key: Key
    draw: Record
    is_result: bool
    is_whole: bool

    @property
    def manifest(self) -> Path | None:
        """The manifest that the lock is named after, where it is there."""
        return next((path for path, _ in self._named()), None)

    @property
    def profile(self) -> str:
        """The profile that the lock's name says beside the manifest's."""
        rest = next((rest for _, rest in self._named()), "")
        return ".".join(part for part in rest.split(".") if part and part != SANDBOX)

    def _named(self) -> Iterator[tuple[Path, str]]:
        words = self.lock.name.removesuffix(_SUFFIX).split(".")
        for number in range(len(words), 0, -1):
            for suffix in (".yaml", ".yml"):
                path = self.lock.with_name(".".join(words[:number]) + suffix)
                if path.is_file():
                    yield path, ".".join(words[number:])


def sidecar(video: Path) -> Mapping[str, Json] | None:
    """Return what lies beside a video, if it is ours; it may outlive the video."""
    try:
        value = json.loads(store.read_bytes(video.with_name(f"{video.name}.json"), 1_000_000))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and "kling_batch" in value else None


def find(video: Path, here: Path) -> tuple[Found, ...]:
    """Return every draw that made a video: by checksum, else by the project and task of its sidecar."""
    sha256 = store.sha256_of(video) if video.is_file() else ""
    locks = [(path, lock) for root in _roots(video, here) for path, lock in locks_below(root)]
    found = tuple(each for path, lock in locks for each in _by_checksum(path, lock, sha256))
    beside = sidecar(video)
    return found or tuple(each for path, lock in locks for each in _by_sidecar(path, lock, beside or {}))


def _by_checksum(path: Path, lock: Lock, sha256: str) -> Iterator[Found]:
    for key, record in lock.jobs.items():
        for draw in (record, *record.past):
            if sha256 and draw.sha256 == sha256:
                yield _found(path, lock, key, draw, is_whole=True)


def _by_sidecar(path: Path, lock: Lock, beside: Mapping[str, Json]) -> Iterator[Found]:
    task = beside.get("task")
    for key, record in lock.jobs.items() if lock.project == beside.get("project") else ():
        for draw in (record, *record.past):
            if task is not None and task in tasks(draw):
                yield _found(path, lock, key, draw, is_whole=False)


def _found(path: Path, lock: Lock, key: Key, draw: Record, *, is_whole: bool) -> Found:
    result = result_of(lock.jobs[key])
    return Found(
        lock=path,
        project=lock.project,
        service=lock.service,
        key=key,
        draw=draw,
        is_result=result is not None and result.draw == draw.draw,
        is_whole=is_whole,
    )


def _roots(video: Path, here: Path) -> list[Path]:
    """Return the folders below which the locks of a project may lie: the checkouts of the video and of the caller."""
    folders = [folder.resolve() for folder in (video.absolute().parent, here)]
    every = list(dict.fromkeys(project_of(each) for each in folders))
    return [root for root in every if not any(other in root.parents for other in every)]


def project_of(folder: Path) -> Path:
    """Return the checkout that a folder lies in, or itself where there is none."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def locks_below(root: Path) -> Iterator[tuple[Path, Lock]]:
    """Yield every lock of a project that can be read."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in _NOT_OURS)
        for name in sorted(names):
            lock = _lock(Path(folder, name)) if name.endswith(_SUFFIX) else None
            if lock is not None:
                yield Path(folder, name), lock


def _lock(path: Path) -> Lock | None:
    """Return a lock; `None` for what is none, or is damaged: another verb complains about that."""
    try:
        source, _ = decode(path.name, store.read_bytes(path, LIMIT), limit=LIMIT)
    except OSError:
        return None
    return parse(source)[0] if source else None
