"""The command as a process: what it imports, and whom it prints to."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
SLOW = ("httpx", "aiohttp", "uvicorn", "starlette")
LISTED = f"""
import sys
from kling_batch.cli.main import main
code = main(sys.argv[1:])
print(code, [name for name in {SLOW} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words", [["--help"], ["run", "--help"], ["validate", "spring.yaml"], ["plan", "spring.yaml", "--json"]]
)
def test_verbs_without_network_import_no_client_and_no_server(folder: Path, words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", LISTED, *words], cwd=folder, capture_output=True, check=True)

    assert done.stderr.decode().splitlines()[-1] == "0 []"


def test_importing_the_package_imports_none_of_its_rooms() -> None:
    code = "import kling_batch, sys; print([name for name in sys.modules if name.startswith('kling_batch')])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert done.stdout.decode().strip() == "['kling_batch']"


def test_an_encoding_that_cannot_say_it_does_not_end_the_command(process: Command, folder: Path) -> None:
    text = (folder / "spring.yaml").read_text().replace("Aurora", "曙光")
    (folder / "spring.yaml").write_text(text, encoding="utf-8")

    said = process("render", "spring.yaml", environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})

    assert said.code == 0
    assert r"\u66d9\u5149 in de" in said.out


@pytest.mark.parametrize("words", [["render", "spring.yaml"], ["run", "spring.yaml", "--sandbox", "--yes", "--json"]])
def test_a_reader_that_goes_away_is_no_error(folder: Path, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [sys.executable, "-m", "kling_batch", *words], cwd=folder, stdout=writing, stderr=subprocess.PIPE, check=False
    )

    os.close(writing)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


@pytest.mark.parametrize("words", [["render", "spring.yaml"], ["run", "spring.yaml", "--sandbox", "--yes", "--json"]])
def test_a_terminal_that_hung_up_is_no_error(folder: Path, words: list[str]) -> None:
    ours, theirs = os.openpty()
    os.close(ours)

    done = subprocess.run(
        [sys.executable, "-m", "kling_batch", *words], cwd=folder, stdout=theirs, stderr=subprocess.PIPE, check=False
    )

    os.close(theirs)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"bug" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [["render", "spring.yaml"], ["run", "spring.yaml", "--sandbox", "--yes"], ["lock", "--help"], ["--version"]],
)
def test_data_that_cannot_be_written_is_an_error_and_no_bug(folder: Path, words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "kling_batch", *words],
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr.decode() == (
        "error: nothing more can be printed: No space left on device\n"
        "  |\n"
        "  = help: what is paid for is in the lock and the journal\n"
    )
    assert not list(folder.glob("*.lock.json"))


def test_no_color_and_a_dumb_terminal_are_honored(process: Command) -> None:
    said = process("--help", environment={"FORCE_COLOR": "1", "NO_COLOR": "1"})

    assert "\x1b[3" not in said.out


IMPATIENT = """
import sys
from kling_batch.__main__ import command

class Impatient:
    def find_spec(self, name, *_):
        if name == "rich_click":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Impatient())
sys.exit(command())
"""


def test_an_interrupt_before_everything_is_imported_leaves_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", IMPATIENT, "--help"], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (130, b"")
