"""The git repository around a manifest, asked through git itself and without network."""

import re
import subprocess
from pathlib import Path

from kling_batch.errors import UsageError

REGULAR = frozenset({"100644", "100755"})
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")


def git(folder: Path, *words: str, fails: frozenset[int] = frozenset()) -> bytes:
    """Return what a git command prints in a folder; nothing where it ends with a code of `fails`.

    Raises `UsageError` where there is no git, no repository, or the command ends otherwise.
    """
    try:
        done = subprocess.run(  # noqa: S603 - git itself, with words that we chose and paths after `--`
            ["git", *words],  # noqa: S607 - git is where the user found it
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise UsageError(f"git cannot be run: {error.strerror or error}", help="install git, 2.31 or newer") from error
    if done.returncode in fails:
        return b""
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").splitlines()
        raise UsageError(f"git {words[0]}: {lines[0] if lines else f'ended with {done.returncode}'}")
    return done.stdout


def top_of(folder: Path) -> Path:
    """Return the top folder of the checkout that a folder lies in; raises `UsageError` where it is in none."""
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
    except UsageError as error:
        raise UsageError(f"`{folder.name}` is in no git repository", help=error.message) from error


class Revision:
    """A folder as it is in one commit of its repository; the working tree is never looked at."""

    def __init__(self, folder: Path, name: str) -> None:
        """Find the commit that `name` means. Raises `UsageError` where there is none, or none here."""
        top_of(folder)
        self.name = name
        self._folder = folder
        found = git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", fails=_NONE)
        if not found:
            raise _unknown(folder, name)
        self.commit = found.decode().strip()
        listed = git(folder, "ls-tree", "-r", "-z", self.commit, "--", ".").decode(errors="surrogateescape")
        entries = (each.partition("\t") for each in listed.split("\0") if each)
        self._entries = {path: about.split() for about, _, path in entries}

    @property
    def files(self) -> tuple[str, ...]:
        """The plain files below the folder, by their paths."""
        return tuple(path for path, (mode, *_) in self._entries.items() if mode in REGULAR)

    def read(self, path: str) -> bytes:
        """Return the content of a file by its path below the folder.

        Raises `FileNotFoundError` where it is not in the commit, and `PermissionError` for what is no plain file.
        """
        entry = self._entries.get(path)
        if entry is None:
            raise FileNotFoundError(2, f"not in {self.name}", path)
        mode, _, blob = entry
        if mode not in REGULAR:
            raise PermissionError(13, "no plain file", path)
        content = git(self._folder, "cat-file", "blob", blob)
        pointed = _POINTER.match(content)
        return self._large(path, pointed[1].decode()) if pointed else content

    def _large(self, path: str, sha256: str) -> bytes:
        """Return a file of git-lfs from this clone's own store, where it was brought before."""
        common = git(self._folder, "rev-parse", "--path-format=absolute", "--git-common-dir").decode().rstrip("\n")
        kept = Path(common, "lfs", "objects", sha256[:2], sha256[2:4], sha256)
        if not kept.is_file():
            raise FileNotFoundError(2, "kept by git-lfs, and not in this clone: `git lfs fetch --all` brings it", path)
        return kept.read_bytes()


_NONE = frozenset({1, 128})


def _unknown(folder: Path, name: str) -> UsageError:
    if git(folder, "rev-parse", "--is-shallow-repository").strip() == b"true":
        why = f"`{name}` is not in this shallow clone"
        return UsageError(why, help="`git fetch --unshallow` brings the history, in a workflow `fetch-depth: 0`")
    return UsageError(f"git knows no commit `{name}` here", help="name a branch, a tag or a commit, such as `HEAD~1`")
