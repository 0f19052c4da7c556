"""Locks that earlier versions wrote: reading them with this one buys nothing again.

Each `golden_locks/v<version>` holds manifests and the locks that runs of them left, in every state; they never change.
"""

from pathlib import Path

import pytest

from kling_batch.job import Job
from kling_batch.manifest.load import load
from kling_batch.plan.cost import default_prices
from kling_batch.plan.diff import FileState, Outlook, compare
from kling_batch.plan.lockfile import VERSION, Lock, format, parse  # noqa: A004 - ours
from kling_batch.text.source import Source

FOLDER = Path(__file__).with_name("golden_locks")
LOCKS = sorted(FOLDER.glob("v*/*.lock.json"))


def read(path: Path) -> Lock:
    lock, told = parse(Source(path.name, path.read_text(encoding="utf-8")))
    assert lock is not None, told
    return lock


def jobs_of(path: Path) -> tuple[Job, ...]:
    manifest = path.with_name(path.name.split(".")[0] + ".yaml")
    source = Source(manifest.name, manifest.read_text(encoding="utf-8"))
    made, told = load(source, read=lambda name: (path.parent / name).read_bytes(), env={}, variables={})
    assert made is not None, told
    return made.jobs


def test_there_are_locks_of_every_version() -> None:
    assert {path.parent.name for path in LOCKS} == {f"v{version}" for version in range(1, VERSION + 1)}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.name}-{path.name.partition('.')[0]}")
@pytest.mark.parametrize("here", list(FileState))
def test_an_upgrade_pays_for_nothing(path: Path, here: FileState) -> None:
    outlook = Outlook(now=0.0, file=lambda _record: here, retries=1)

    changes = compare(jobs_of(path), read(path), default_prices(), outlook)

    assert [change for change in changes if change.pays] == []
    assert {change.action.value for change in changes} <= {"keep", "resume", "blocked", "orphan"}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.name}-{path.name.partition('.')[0]}")
def test_what_an_upgrade_writes_says_the_same(path: Path) -> None:
    lock = read(path)

    again, told = parse(Source(path.name, format(lock)))

    assert told == ()
    assert again == lock


@pytest.mark.parametrize("path", sorted(FOLDER.glob(f"v{VERSION}/*.lock.json")), ids=lambda path: path.name)
def test_this_version_writes_the_same_bytes(path: Path) -> None:
    assert format(read(path)) == path.read_text(encoding="utf-8")
