"""Git told to merge locks by key: a merge driver in this clone's config, and a line of attributes for everybody."""

import shlex
from pathlib import Path

from kling_batch import store
from kling_batch.run.repository import git, top_of

ATTRIBUTE = "*.lock.json merge=kling-batch"
_SECTION = "merge.kling-batch"
_TITLE = "kling-batch: locks, merged by key"
_ABSENT = frozenset({1, 5, 128})  # what `git config` ends with where there is no such key or section


def install(folder: Path, python: str) -> tuple[str, ...]:
    """Set both up in the repository around a folder, and return what was done; a second time nothing is.

    `python` is the interpreter that has kling-batch. Raises `UsageError` where there is no repository.
    """
    top = top_of(folder)
    done = [
        f"git config {name}"
        for name, value in ((f"{_SECTION}.name", _TITLE), (f"{_SECTION}.driver", _driver(python)))
        if _set(top, name, value)
    ]
    lines = _attributes(top)
    if ATTRIBUTE not in lines:
        _write(top, [*lines, ATTRIBUTE])
        done.append(f"`{ATTRIBUTE}` in .gitattributes; commit it, so that every clone knows")
    return tuple(done)


def uninstall(folder: Path) -> tuple[str, ...]:
    """Take both out of the repository around a folder, and return what was done."""
    top, done = top_of(folder), []
    if git(top, "config", "--local", "--get", f"{_SECTION}.driver", fails=_ABSENT):
        git(top, "config", "--local", "--remove-section", _SECTION)
        done.append(f"git config --remove-section {_SECTION}")
    lines = _attributes(top)
    if ATTRIBUTE in lines:
        _write(top, [line for line in lines if line != ATTRIBUTE])
        done.append(f"no `{ATTRIBUTE}` in .gitattributes")
    return tuple(done)


def _driver(python: str) -> str:
    """Return the command that git runs; where kling-batch is gone it leaves git's own conflict text, never one side."""
    own = f"{shlex.quote(python)} -P"  # nothing is imported from the checkout that is being merged
    plain = "git merge-file -L ours -L base -L theirs %A %O %B"
    return (
        f"{own} -c 'import kling_batch' 2>/dev/null || exec {plain}; {own} -m kling_batch lock merge %O %A %B --path %P"
    )


def _set(top: Path, name: str, value: str) -> bool:
    if git(top, "config", "--local", "--get", name, fails=_ABSENT).decode().rstrip("\n") == value:
        return False
    git(top, "config", "--local", name, value)
    return True


def _attributes(top: Path) -> list[str]:
    path = top / ".gitattributes"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _write(top: Path, lines: list[str]) -> None:
    path = top / ".gitattributes"
    if lines:
        store.write_atomic(path, "".join(f"{line}\n" for line in lines).encode())
    else:
        path.unlink()
