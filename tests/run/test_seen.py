"""What is remembered of the outputs: believed while nothing changed, and never needed."""

import os
from pathlib import Path

from campaigns import Bench

from kling_batch.store import Seen


def ran(bench: Bench) -> Path:
    bench.write(2)
    bench.run()
    return next(bench.folder.rglob("*.mp4"))


def marks(bench: Bench) -> list[str]:
    return sorted(change.mark for change in bench.plan().changes)


def test_a_video_that_was_not_touched_since_its_run_is_not_read_again(bench: Bench) -> None:
    video = ran(bench)
    before = video.stat()
    video.chmod(0)  # whoever reads it now fails, unless it is root
    content = video.read_bytes() if os.access(video, os.R_OK) else b""
    if content:  # root reads everything: another content under the same mark shows what was believed
        video.write_bytes(bytes(len(content)))
        os.utime(video, ns=(before.st_atime_ns, before.st_mtime_ns))

    told = marks(bench)

    assert told == ["", ""]


def test_a_video_that_was_touched_is_read_and_told(bench: Bench) -> None:
    video = ran(bench)
    video.write_bytes(bytes(video.stat().st_size))

    told = marks(bench)

    assert told == ["", "changed"]


def test_the_memory_may_be_deleted_or_damaged(bench: Bench) -> None:
    ran(bench)
    memory = next(bench.folder.rglob("*.seen.json"))

    told = []
    for content in ("", "{}", '{"version":1,"files":{"hero/n0-t1.mp4":3}}', "[" * 100_000):
        memory.write_text(content)
        told.append(marks(bench))
    memory.unlink()

    assert [*told, marks(bench)] == [["", ""]] * 5


def test_what_is_no_file_has_no_checksum(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    seen = Seen(None, tmp_path)

    assert (seen.sha256_of("folder"), seen.sha256_of("nothing")) == (None, None)
    seen.remember("nothing", "0" * 64)
    seen.save()
