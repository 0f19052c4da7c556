"""In which order the disk is told what: the syncs without which a power cut would undo what we call durable."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from kling_batch import store

CALLS = frozenset({"write", "fsync", "fdatasync", "rename", "replace", "link", "unlink", "ftruncate"})


def calls_of(work: Callable[[], object]) -> list[str]:
    """Return the calls of the operating system that change or sync something, in their order; a folder's own name."""
    told: list[str] = []

    def watch(frame: FrameType, event: str, called: object) -> None:
        name = getattr(called, "__name__", "")
        if event == "c_call" and name in CALLS and getattr(called, "__module__", "") in {"posix", "io", "_io"}:
            is_folder = frame.f_code.co_name == "sync_folder"
            told.append(f"{name} folder" if is_folder else name)

    sys.setprofile(watch)
    try:
        work()
    finally:
        sys.setprofile(None)
    return told


@pytest.fixture
def journal(tmp_path: Path) -> store.Appender:
    return store.Appender(tmp_path / "j.jsonl")


def test_a_line_of_the_journal_is_synced_before_it_counts(journal: store.Appender) -> None:
    told = calls_of(lambda: journal.append(b"a line\n"))
    journal.close()

    assert told == ["write", "fdatasync"]


def test_a_new_journal_is_there_after_a_power_cut(tmp_path: Path) -> None:
    (tmp_path / ".own").mkdir()
    opened: list[store.Appender] = []

    told = calls_of(lambda: opened.append(store.Appender(tmp_path / ".own" / "j.jsonl")))
    opened[0].close()

    assert told.index("fsync") < told.index("fsync folder")
    assert told.count("fsync folder") == 2


def test_a_file_is_whole_on_the_disk_before_it_takes_its_name_and_the_name_after(tmp_path: Path) -> None:
    told = calls_of(lambda: store.write_atomic(tmp_path / "m.lock.json", b"{}"))

    kept = [each for each in told if each != "unlink"]
    assert kept == ["write", "fsync", kept[2], "fsync folder"]
    assert kept[2] in {"rename", "replace"}


def test_a_download_is_whole_on_the_disk_before_it_takes_its_name_and_the_name_after(tmp_path: Path) -> None:
    part = store.PartFile(tmp_path / "a.mp4")
    part.append(b"bytes")

    told = calls_of(part.finish)
    part.close()

    assert told[:4] == ["fsync", "link", "unlink", "fsync folder"]


def test_a_download_that_is_begun_again_forgets_its_bytes_before_it_notes_the_new_version(tmp_path: Path) -> None:
    part = store.PartFile(tmp_path / "a.mp4")
    part.append(b"old")

    told = calls_of(lambda: part.restart('"new"'))
    part.close()

    assert os.path.getsize(tmp_path / "a.mp4.part") == 0  # noqa: PTH202 - beside the other calls of the system
    assert told.index("fsync") < told.index("write")


def test_a_download_that_is_begun_for_the_first_time_waits_for_no_disk(tmp_path: Path) -> None:
    part = store.PartFile(tmp_path / "a.mp4")

    told = calls_of(lambda: part.restart('"new"'))
    part.close()

    assert "write" in told
    assert not {"fsync", "fdatasync", "fsync folder"} & set(told)


def test_a_new_version_is_noted_durably_where_an_older_note_would_speak_for_its_bytes(tmp_path: Path) -> None:
    part = store.PartFile(tmp_path / "a.mp4")
    part.restart('"old"')

    told = calls_of(lambda: part.restart('"new"'))
    part.close()

    assert told[-1] == "fsync folder"


def test_a_video_whose_part_a_kill_has_left_behind_is_not_written_into_by_the_next_download(tmp_path: Path) -> None:
    final = tmp_path / "a.mp4"
    final.write_bytes(b"paid for")
    (tmp_path / "a.mp4.part").hardlink_to(final)

    part = store.PartFile(final)
    part.restart('"new"')
    part.append(b"another video")
    part.close()

    assert final.read_bytes() == b"paid for"
    assert (tmp_path / "a.mp4.part").read_bytes() == b"another video"
