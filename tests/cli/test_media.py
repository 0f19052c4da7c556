"""The extra `media` as the command sees it: here, or hidden from it."""

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
