import errno
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_files import small_files

from kling_batch import store
from kling_batch.errors import DiskError, LockHeldError, StateError

HOLD = """
import sys, pathlib
from kling_batch import store
with store.RunLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    assert store.read_bytes(tmp_path / "a", 3) == b"abc"


def test_more_than_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcd")

    with pytest.raises(OSError, match="larger than 3 bytes") as raised:
        store.read_bytes(tmp_path / "a", 3)

    assert raised.value.errno == errno.EFBIG


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="not a regular file"):
        store.read_bytes(tmp_path / "pipe", 9)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"not a regular file|directory"):
        store.read_bytes(tmp_path, 9)


def test_a_symbolic_link_is_followed_only_where_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("a")

    assert store.read_bytes(tmp_path / "link", 9) == b"abc"
    with pytest.raises(OSError, match="symbolic") as raised:
        store.read_bytes(tmp_path / "link", 9, follow=False)
    assert raised.value.errno == errno.ELOOP


def test_an_atomic_write_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    store.write_atomic(tmp_path / "lock", b"one")
    store.write_atomic(tmp_path / "lock", b"two")

    assert (tmp_path / "lock").read_bytes() == b"two"
    assert [each.name for each in tmp_path.iterdir()] == ["lock"]


def test_what_a_killed_write_has_left_does_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / ".lock.tmp").write_bytes(b"half")

    store.write_atomic(tmp_path / "lock", b"whole")

    assert [each.name for each in tmp_path.iterdir()] == ["lock"]


def test_a_link_planted_as_the_temporary_file_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / ".lock.tmp").symlink_to("precious")

    store.write_atomic(tmp_path / "lock", b"whole")

    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_a_write_that_fails_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    (tmp_path / "lock" / "inside").touch()

    with pytest.raises(OSError, match=r"directory|exists"):
        store.write_atomic(tmp_path / "lock", b"new")

    assert [each.name for each in tmp_path.iterdir()] == ["lock"]


def test_what_the_disk_refuses_is_told_and_the_old_file_stays(tmp_path: Path) -> None:
    store.write_atomic(tmp_path / "lock", b"old")

    with small_files(), pytest.raises(DiskError, match="the disk refuses `lock`"):
        store.write_atomic(tmp_path / "lock", b"x" * 8192)

    assert (tmp_path / "lock").read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["lock"]


def test_a_checksum_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    assert store.sha256_of(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_file_is_moved_between_folders_and_never_over_another(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)

    store.move_file(tmp_path / "a", tmp_path / "there" / "c")
    with pytest.raises(FileExistsError):
        store.move_file(tmp_path / "b", tmp_path / "there" / "c")

    assert (tmp_path / "there" / "c").read_text() == "a"
    assert (tmp_path / "b").read_text() == "b"
    assert not (tmp_path / "a").exists()


def test_a_move_that_a_kill_cut_in_two_is_finished(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    os.link(tmp_path / "a", tmp_path / "b")

    store.move_file(tmp_path / "a", tmp_path / "b")

    assert [each.name for each in tmp_path.iterdir()] == ["b"]


def test_moving_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.move_file(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("relative", ["../x", "a/../../x", "/etc/passwd", "a//b", "", ".", "a/./b", "a\\b", "a\0b"])
def test_a_path_that_leaves_its_root_is_refused(relative: str, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="does not stay below"):
        store.below(tmp_path, relative)


def test_a_path_stays_below_its_root(tmp_path: Path) -> None:
    assert store.below(tmp_path, "hero/t1..mp4") == tmp_path / "hero" / "t1..mp4"


@pytest.mark.parametrize("relative", ["link", "link/x.mp4"])
def test_a_path_through_a_symbolic_link_is_refused(relative: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/tmp")  # noqa: S108 - anything outside the root

    with pytest.raises(StateError, match="symbolic link"):
        store.below(tmp_path, relative)


def test_the_own_folder_ignores_itself_for_git(tmp_path: Path) -> None:
    store.own_folder(tmp_path / "m" / ".kling-batch")
    store.own_folder(tmp_path / "m" / ".kling-batch")

    assert (tmp_path / "m" / ".kling-batch" / ".gitignore").read_text() == "*\n"


def test_an_own_folder_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".kling-batch").symlink_to(tmp_path)

    with pytest.raises(StateError, match="symbolic link"):
        store.own_folder(tmp_path / ".kling-batch")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[store.Appender]:
    """An append-only file, just begun."""
    file = store.Appender(tmp_path / "journal")
    yield file
    file.close()


def test_what_is_appended_stands_in_the_file(journal: store.Appender, tmp_path: Path) -> None:
    journal.append(b"one\n")
    journal.append(b"two\n")

    assert (tmp_path / "journal").read_bytes() == b"one\ntwo\n"


def test_a_torn_end_is_cut_off_before_anything_is_added(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"one\ntw")

    file = store.Appender(tmp_path / "journal", 4)
    file.append(b"three\n")
    file.close()

    assert (tmp_path / "journal").read_bytes() == b"one\nthree\n"


def test_a_file_shorter_than_it_was_read_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"one")

    with pytest.raises(StateError, match="deleted, replaced or cut"):
        store.Appender(tmp_path / "journal", 4)


def test_a_folder_or_a_link_in_its_place_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("elsewhere")
    os.mkfifo(tmp_path / "pipe")

    for name in ("link", "pipe"):
        with pytest.raises(OSError, match=r"symbolic|regular"):
            store.Appender(tmp_path / name)


@pytest.mark.parametrize("how", ["deleted", "replaced", "cut", "grown"])
def test_a_file_that_another_program_has_touched_is_not_written_any_more(
    how: str, journal: store.Appender, tmp_path: Path
) -> None:
    path = tmp_path / "journal"
    journal.append(b"one\n")
    match how:
        case "deleted":
            path.unlink()
        case "replaced":
            (tmp_path / "other").write_bytes(b"one\n")
            (tmp_path / "other").replace(path)
        case "cut":
            os.truncate(path, 0)
        case _:
            with path.open("ab") as file:
                file.write(b"more\n")

    with pytest.raises(StateError, match="deleted, replaced or cut"):
        journal.append(b"two\n")
    with pytest.raises(DiskError, match="not written any more"):
        journal.append(b"three\n")


def test_a_refused_addition_leaves_no_half_line_and_nothing_comes_after_it(tmp_path: Path) -> None:
    file = store.Appender(tmp_path / "journal")
    file.append(b"one\n")

    with small_files(), pytest.raises(DiskError, match="the disk refuses"):
        file.append(b"x" * 8192)
    with pytest.raises(DiskError, match="not written any more"):
        file.append(b"two\n")

    file.close()
    assert (tmp_path / "journal").read_bytes() == b"one\n"


def test_a_closed_file_takes_nothing_and_gives_its_reserve_back(tmp_path: Path) -> None:
    file = store.Appender(tmp_path / "journal")
    reserved = sorted(each.name for each in tmp_path.iterdir())
    file.close()

    with pytest.raises(DiskError, match="closed"):
        file.append(b"one\n")

    assert reserved == ["journal", "journal.reserve"]
    assert [each.name for each in tmp_path.iterdir()] == ["journal"]


FILL = """
import pathlib, sys
from kling_batch import store
from kling_batch.errors import DiskError
own = pathlib.Path(sys.argv[1])
file = store.Appender(own / "journal")
file.append(b"begun\\n")
with (own / "ballast").open("wb", buffering=0) as ballast:
    try:
        while True:
            ballast.write(b"x" * 4096)
    except OSError:
        pass
kept = 0
try:
    while True:
        file.append(b"k" * 999 + b"\\n")
        kept += 1
        if not file.is_full and kept > 8:
            raise SystemExit("never full")
except DiskError as error:
    print(kept, file.is_full, (own / "journal").stat().st_size == 6 + kept * 1000, error.message)
"""


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="needs a file system of its own")
def test_on_a_full_disk_the_reserve_takes_what_is_known(tmp_path: Path) -> None:
    steps = 'mount -t tmpfs -o size=256k tmpfs "$1" && exec "$2" -c "$3" "$1"'
    words = ["unshare", "-m", "sh", "-c", steps, "sh", str(tmp_path), sys.executable, FILL]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if "unshare" in ended.stderr or "mount" in ended.stderr:
        pytest.skip(f"no mount namespace here: {ended.stderr.strip()}")

    kept, full, whole, *message = ended.stdout.split()

    assert ended.stderr == ""
    assert int(kept) >= 60
    assert (full, whole) == ("True", "True")
    assert "disk refuses" in " ".join(message)


def test_a_part_file_goes_on_where_it_was_left(tmp_path: Path) -> None:
    first = store.PartFile(tmp_path / "a.mp4")
    first.restart('"v1"')
    first.append(b"abc")
    first.close()

    second = store.PartFile(tmp_path / "a.mp4")
    before = (second.size, second.etag)
    second.append(b"def")
    second.finish()
    second.close()

    assert before == (3, '"v1"')
    assert second.sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert (tmp_path / "a.mp4").read_bytes() == b"abcdef"
    assert [each.name for each in tmp_path.iterdir()] == ["a.mp4"]


def test_a_restart_drops_what_was_there(tmp_path: Path) -> None:
    part = store.PartFile(tmp_path / "a.mp4")
    part.append(b"old version")
    part.restart(None)
    part.append(b"new")

    with part.open() as file:
        assert file.read() == b"new"
    assert (part.size, part.etag, part.sha256) == (3, None, hashlib.sha256(b"new").hexdigest())
    part.close()


def test_a_part_file_never_takes_the_place_of_another_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"mine")
    part = store.PartFile(tmp_path / "a.mp4")
    part.append(b"new")

    with pytest.raises(FileExistsError):
        part.finish()

    part.close()
    assert (tmp_path / "a.mp4").read_bytes() == b"mine"
    assert (tmp_path / "a.mp4.part").read_bytes() == b"new"


def test_a_suspect_is_kept_and_what_never_was_a_video_is_not(tmp_path: Path) -> None:
    part = store.PartFile(tmp_path / "a.mp4")
    part.append(b"boxes that do not walk")
    part.suspect()
    part.close()
    again = store.PartFile(tmp_path / "a.mp4")
    again.append(b"<html>")
    again.discard()
    again.close()

    assert [each.name for each in tmp_path.iterdir()] == ["a.mp4.suspect"]


@pytest.mark.parametrize("note", [b"", b"[]", b'{"etag":7}', b"{}"])
def test_a_note_that_is_not_ours_says_nothing(note: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4.part.json").write_bytes(note)

    part = store.PartFile(tmp_path / "a.mp4")

    assert part.etag is None
    part.close()


def test_a_part_file_that_is_a_link_or_a_pipe_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a.mp4.part").symlink_to("elsewhere")
    os.mkfifo(tmp_path / "b.mp4.part")

    for name in ("a.mp4", "b.mp4"):
        with pytest.raises(OSError, match=r"symbolic|regular"):
            store.PartFile(tmp_path / name)

    assert not (tmp_path / "elsewhere").exists()


def test_a_download_that_the_disk_refuses_is_told_and_leaves_no_half_of_a_piece(tmp_path: Path) -> None:
    part = store.PartFile(tmp_path / "a.mp4")

    with small_files(), pytest.raises(DiskError, match=r"the disk refuses `a.mp4.part`"):
        part.append(b"x" * 8192)

    part.append(b"abc")
    part.close()

    assert (tmp_path / "a.mp4.part").read_bytes() == b"abc"
    assert (part.size, part.sha256) == (3, hashlib.sha256(b"abc").hexdigest())


def _holder(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_the_run_lock_is_held_once_and_says_by_whom(tmp_path: Path) -> None:
    holder = _holder(tmp_path / "run.lock")
    try:
        began = time.monotonic()
        with pytest.raises(LockHeldError) as raised, store.RunLock(tmp_path / "run.lock"):
            pass
    finally:
        holder.communicate("")

    assert time.monotonic() - began < 1
    assert f"process {holder.pid} on " in raised.value.holder
    assert raised.value.exit_code == 7
    with store.RunLock(tmp_path / "run.lock"):
        pass


def test_a_killed_holder_frees_the_lock_at_once(tmp_path: Path) -> None:
    holder = _holder(tmp_path / "run.lock")
    holder.kill()
    holder.communicate()

    with store.RunLock(tmp_path / "run.lock"):
        assert str(os.getpid()) in (tmp_path / "run.lock.holder").read_text()


def test_the_run_lock_may_be_nested_in_one_process(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"

    with store.RunLock(path):
        with store.RunLock(path):
            pass
        other = subprocess.run(
            [sys.executable, "-c", HOLD, str(path)], input="", capture_output=True, text=True, check=False
        )

    assert "LockHeldError" in other.stderr


def test_a_lock_without_a_note_is_still_held(tmp_path: Path) -> None:
    holder = _holder(tmp_path / "run.lock")
    (tmp_path / "run.lock.holder").unlink()
    try:
        with pytest.raises(LockHeldError, match="it left no note"), store.RunLock(tmp_path / "run.lock"):
            pass
    finally:
        holder.communicate("")


def test_a_run_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run.lock").symlink_to("elsewhere")

    with pytest.raises(StateError, match="without locks"), store.RunLock(tmp_path / "run.lock"):
        pass

    assert not (tmp_path / "elsewhere").exists()
