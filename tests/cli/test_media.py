"""The extra `media` as the command sees it: here, or hidden from it."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kling_batch.media.boxes import inspect

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
RUN = ("run", "spring.yaml", "--sandbox", "--yes", "--speed", "2000")
HIDDEN = """
import sys
sys.modules.update(dict.fromkeys(("av", "PIL")))
from kling_batch.cli.main import main
sys.exit(main())
"""
VERIFY = ("verify", "spring.yaml", "--sandbox")
OUTPUT = "outputs/spring.sandbox/hero/de-t1.mp4"


def without_media(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", HIDDEN, *words], capture_output=True, text=True, check=False)


def test_a_video_that_was_painted_is_fetched_again_as_it_was(command: Command, folder: Path) -> None:
    pytest.importorskip("av", reason="the extra `media` is needed to paint")
    assert command(*RUN, "--paint").code == 0
    before = (folder / OUTPUT).read_bytes()
    (folder / OUTPUT).unlink()

    assert command("verify", "spring.yaml", "--sandbox", "--fetch").code == 0

    assert (folder / OUTPUT).read_bytes() == before


def accept_as_made(folder: Path, content: bytes) -> None:
    """Put other bytes in the place of a video, and let the lock know them for what was made."""
    known = hashlib.sha256((folder / OUTPUT).read_bytes()).hexdigest()
    lock = folder / "spring.sandbox.lock.json"
    old, new = f'"bytes":{(folder / OUTPUT).stat().st_size}', f'"bytes":{len(content)}'
    (folder / OUTPUT).write_bytes(content)
    lock.write_text(lock.read_text().replace(known, hashlib.sha256(content).hexdigest()).replace(old, new, 1))
    (folder / ".kling-batch/spring.sandbox.journal.jsonl").unlink()


def test_damaged_pictures_between_sound_boxes_fail_verify(command: Command, folder: Path) -> None:
    pytest.importorskip("av", reason="the extra `media` is needed to decode")
    assert command(*RUN).code == 0
    content = bytearray((folder / OUTPUT).read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    accept_as_made(folder, bytes(content))

    quick, whole = (command(*VERIFY, *words) for words in (["--no-frames"], []))

    assert (quick.code, whole.code) == (0, 9)
    assert "damaged  hero/lang=de#1  hero/de-t1.mp4  its pictures cannot all be decoded:" in whole.out


def test_a_frozen_video_is_a_warning_and_no_failure(command: Command, folder: Path) -> None:
    av = pytest.importorskip("av", reason="the extra `media` is needed to paint")
    picture = pytest.importorskip("PIL.Image").new("RGB", (320, 180), "teal")
    assert command(*RUN).code == 0
    with av.open(str(folder / "still.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=4)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(20):
            file.mux(stream.encode(av.VideoFrame.from_image(picture)))
        file.mux(stream.encode())
    accept_as_made(folder, (folder / "still.mp4").read_bytes())

    said, data = command(*VERIFY), json.loads(command(*VERIFY, "--json").out)

    assert (said.code, said.err) == (0, ""), said.out
    assert re.search(r"warning  hero/lang=de#1  hero/de-t1.mp4  stands still from end to end\n", said.out)
    assert "2 files: 2 as they were made\n  warning: 1 video to look at; `redo` draws one anew\n" in said.out
    first, second = data["files"]
    assert (len(first["warnings"]), second["warnings"]) == (1, [])
    picture = {"seconds": 5.0, "width": 320, "height": 180, "frames_per_second": 4.0, "audio": False}
    assert (first["state"], first["picture"]) == ("sound", picture)


def test_what_a_download_found_wrong_is_told_again(command: Command, folder: Path) -> None:
    assert command(*RUN).code == 0
    lock = folder / "spring.sandbox.lock.json"
    warned = '"task":', '"warnings":["has no sound"],"task":'
    lock.write_text(lock.read_text().replace(*warned, 1))
    (folder / ".kling-batch/spring.sandbox.journal.jsonl").unlink()

    said = command(*VERIFY)

    assert (said.code, said.out.splitlines()[0]) == (0, "warning  hero/lang=de#1  hero/de-t1.mp4  has no sound")


@pytest.mark.usefixtures("folder")
def test_without_the_extra_verify_says_what_it_did_not_do(command: Command) -> None:
    assert command(*RUN).code == 0

    plain, asked = without_media(*VERIFY), without_media(*VERIFY, "--frames")

    assert (plain.returncode, asked.returncode) == (0, 2)
    assert plain.stdout == "2 files: 2 as they were made\n"
    assert plain.stderr == (
        "no look at the pictures: posters and the check of pictures need the extra `media`; "
        "`pip install 'kling-batch[media]'`\n"
    )
    assert "pip install 'kling-batch[media]'" in asked.stderr


def test_painting_is_for_the_sandbox(command: Command) -> None:
    said = command("run", "spring.yaml", "--paint")

    assert said.code == 2
    assert "`--speed`, `--scenario` and `--paint` are for the sandbox" in said.err


def test_painting_without_the_extra_says_what_to_install(folder: Path) -> None:
    said = without_media(*RUN, "--paint")

    assert said.returncode == 2
    assert "pip install 'kling-batch[media]'" in said.stderr
    assert not (folder / OUTPUT).exists()


def test_without_the_extra_a_run_hands_out_the_shipped_clips(folder: Path) -> None:
    said = without_media("run", "spring.yaml", "--sandbox", "--yes")

    assert said.returncode == 0, said.stderr
    with (folder / OUTPUT).open("rb") as file:
        assert inspect(file, (folder / OUTPUT).stat().st_size).seconds == 5.0  # type: ignore[union-attr]  # it is whole
