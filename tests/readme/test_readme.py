"""The README does what it says: its manifests load, its commands print what stands there, its Python runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUICKSTART = "kling-batch run manifests/quickstart.yaml --sandbox --yes"


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(README) if kind == language]


def said(command: str, folder: Path) -> str:
    """Run one line as a shell would, and return what it says, data and talk, and how it ends."""
    done = subprocess.run(
        ["bash", "-c", f"{command} 2>&1"],  # noqa: S607 - as a reader would
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    return done.stdout + (f"[exit {done.returncode}]\n" if done.returncode else "")


def plain(text: str) -> str:
    return re.sub(r"in \d+ s", "in N s", text)


def matches(shown: str, printed: str) -> bool:
    """Say whether the output is what is shown; a line `...` stands for any lines."""
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in plain(shown).splitlines())
    return re.fullmatch(pattern, plain(printed)) is not None


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for text in blocks("yaml"):
        name = text.splitlines()[0].removeprefix("# ") if text.startswith("# ") else "boats.yaml"
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_every_command_prints_what_the_readme_shows(project: Path) -> None:
    for block in blocks("console"):
        for part in block.split("$ ")[1:]:
            command, _, shown = part.partition("\n")

            printed = said(command, project)

            assert matches(shown, printed), f"$ {command}\n{printed}"


def test_the_python_of_the_readme_runs(project: Path) -> None:
    (project / "example.py").write_text(blocks("python")[0], "utf-8")

    printed = said(f"{sys.executable} example.py", project)

    assert printed.count(" create not in the lock yet\n") == 4


def test_the_quickstart_makes_at_least_twelve_clips_and_is_the_readmes_own_command(tmp_path: Path) -> None:
    line = next(line for line in blocks("sh")[0].splitlines() if "-m venv" in line)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/quickstart.yaml").write_bytes((ROOT / "manifests/quickstart.yaml").read_bytes())

    printed = said(f"{QUICKSTART} --speed 500", tmp_path)

    assert line.endswith(f".venv/bin/{QUICKSTART}")
    assert re.search(r"^made (1[2-9]|[2-9]\d) videos in ", printed, re.MULTILINE), printed
    assert len(list(tmp_path.rglob("*.mp4"))) >= 12


def test_the_test_command_is_the_one_that_the_check_runs() -> None:
    assert blocks("sh")[1].strip().endswith("-m pytest")
    assert "README.md" in (ROOT / ".ci/run").read_text("utf-8")
