"""Files read, put in place of others, and moved, none of it over what somebody else has put there."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kling_batch.errors import DiskError, StateError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
GUARDED = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_REFUSED = FULL | {errno.EROFS, errno.EIO, errno.EFBIG, errno.EACCES}
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK})


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the disk refuses about a path into a `DiskError`; other `OSError`s go on."""
    try:
        yield
    except OSError as error:
        if error.errno in _REFUSED:
            why = f"the disk refuses `{path.name}`: {error.strerror}"
            raise DiskError(why, help="make room, or mend the disk, and run again: nothing is paid twice") from error
        raise


def only_regular(descriptor: int, path: Path) -> None:
    """Raise `OSError` unless an open file is a regular one."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, however few the system takes at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read_bytes(path: Path, limit: int, *, follow: bool = True) -> bytes:
    """Return a regular file's content; raises `OSError` for anything else, and for more than `limit` bytes.

    A FIFO is refused and not waited for. Without `follow` a symbolic link is refused too.
    """
    descriptor = os.open(path, os.O_RDONLY | (GUARDED if not follow else GUARDED & ~os.O_NOFOLLOW))
    with os.fdopen(descriptor, "rb") as file:
        only_regular(descriptor, path)
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    return content


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put a file in the place of another so that, whatever happens, either the old or the new one is there, whole.

    One that need not be `durable` costs no sync, and a power cut may leave the old one, or an empty one.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with writing(path):
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | GUARDED, 0o644)
        try:
            with os.fdopen(descriptor, "wb", buffering=0):
                write_all(descriptor, data)
                if durable:
                    os.fsync(descriptor)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if durable:
            sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # file systems that cannot sync a folder say so, and need no sync
            raise
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def move_file(source: Path, target: Path) -> None:
    """Give a file another name, never over an existing one: raises `FileExistsError`, and syncs both folders."""
    with writing(target):
        try:
            os.link(source, target, follow_symlinks=False)
        except FileExistsError:
            if not os.path.samestat(source.lstat(), target.lstat()):  # else a kill came between the two steps
                raise
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _move_without_links(source, target)
        source.unlink(missing_ok=True)
        for folder in {source.parent, target.parent}:
            sync_folder(folder)


def link_file(source: Path, target: Path) -> bool:
    """Give a file a second name, never over an existing one; `False` where that cannot be, as on another disk."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        return False
    sync_folder(target.parent)
    return True


def _move_without_links(source: Path, target: Path) -> None:
    """Reserve the name with an empty file of our own, and replace that one."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | GUARDED))
    source.replace(target)


def below(root: Path, relative: str) -> Path:
    """Return a path under a root; raises `StateError` if `..` or a symbolic link would lead out of it."""
    parts = relative.split("/")
    if any(part in {"", ".", ".."} or "\\" in part or "\0" in part for part in parts):
        raise StateError(f"`{relative}` does not stay below `{root.name}`", help="write it without `..`, relative")
    path = root
    for part in parts:
        path /= part
        if path.is_symlink():
            raise StateError(f"`{relative}` leads through a symbolic link", help="put the file or folder itself there")
    return path


def make_folder(path: Path) -> None:
    """Make a folder that a person named, and those above it; raises `DiskError` where there can be none."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"there can be no folder `{path.name}`: {error.strerror}"
        raise DiskError(why, help="name another one") from error


def own_folder(path: Path) -> None:
    """Make the folder of journals and run locks, which ignores itself for git."""
    if path.is_symlink():
        raise StateError(f"`{path.name}` is a symbolic link", help="remove it; it is made again")
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    ignore = path / ".gitignore"
    if not ignore.exists():
        write_atomic(ignore, b"*\n")
