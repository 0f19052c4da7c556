"""The command in this process, in a folder of its own, and what it said."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from kling_batch.cli.main import main

MANIFEST = """\
version: 1
project: spring
run: {poll: {first: 0.1s, every: 1s}}
vars: {brand: Aurora}
shots:
  hero:
    matrix: {lang: [de, en]}
    request: {prompt: "{{ brand }} in {{ lang }}"}
"""


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one manifest, `spring.yaml`, of two jobs; the working folder, without key and without CI."""
    monkeypatch.chdir(tmp_path)
    for name in ("TOAPIS_API_KEY", "TOAPIS_BASE_URL", "GITHUB_ACTIONS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "spring.yaml").write_text(MANIFEST)
    return tmp_path


@pytest.fixture
def command(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run `kling-batch` with these words, in this process."""
    del folder

    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main(words)
        out, err = capsys.readouterr()
        return Said(code=code, out=out, err=err)

    return run


@pytest.fixture
def process(folder: Path) -> Callable[..., Said]:
    """Run `kling-batch` with these words in a process of its own; nobody is at its terminal."""

    def run(*words: str, environment: Mapping[str, str] | None = None) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "kling_batch", *words],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
        )
        return Said(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    return run
