"""The command as a stranger meets it: a process of its own, in a folder of its own, with what strangers do to both."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MANIFEST = """\
version: 1
project: spring
run: {poll: {first: 0.1s, every: 1s}}
output: {root: out}
shots:
  hero:
    matrix: {lang: [de, en]}
    request: {prompt: "A cup in {{ lang }}"}
"""
SANDBOX = ("run", "m.yaml", "--sandbox", "--yes", "--speed", "2000")

Say = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one manifest of two jobs and nothing else."""
    (tmp_path / "m.yaml").write_text(MANIFEST)
    return tmp_path


@pytest.fixture
def say(folder: Path) -> Say:
    """Run the command there, without a key and without a terminal; `redirect` is what a shell does to its streams."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOAPIS", "GITHUB", "CI"))}

    def run(*words: str, redirect: str = "</dev/null", **env: str) -> "subprocess.CompletedProcess[str]":
        line = f'exec "$0" -m kling_batch "$@" {redirect}'
        command = ["/bin/sh", "-c", line, sys.executable, *words]
        return subprocess.run(
            command, cwd=folder, env=kept | env, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("redirect", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_bug(say: Say, redirect: str) -> None:
    planned = say("plan", "m.yaml", redirect=redirect)

    assert planned.returncode == 0, planned.stderr


def test_a_run_with_a_closed_stdin_asks_nobody(say: Say) -> None:
    asked = say("run", "m.yaml", "--sandbox", redirect="<&-")

    assert asked.returncode == 2
    assert "add `--yes`" in asked.stderr


@pytest.mark.parametrize("amount", ["-1", "nan", "1e999", "1000000001"])
def test_a_budget_that_is_no_amount_of_money_is_refused(say: Say, folder: Path, amount: str) -> None:
    refused = say("run", "m.yaml", "--yes", "--budget", amount, TOAPIS_API_KEY="sk-test")

    assert refused.returncode == 2
    assert names(folder) == {"m.yaml"}


@pytest.mark.parametrize(
    ("words", "key", "code"),
    [
        (("--yes",), "", 2),
        (("--yes",), "Bearer sk-test", 8),
        (("--yes",), "YOUR_API_KEY", 8),
        ((), "sk-test", 2),
        (("--sandbox",), "", 2),
        (("--locked",), "", 3),
    ],
)
def test_a_run_that_cannot_begin_writes_nothing(
    say: Say, folder: Path, words: tuple[str, ...], key: str, code: int
) -> None:
    refused = say("run", "m.yaml", *words, TOAPIS_API_KEY=key)

    assert refused.returncode == code
    assert names(folder) == {"m.yaml"}


def test_a_run_with_nothing_to_do_needs_no_key(say: Say, folder: Path) -> None:
    assert say(*SANDBOX).returncode == 0
    lock = folder / "m.sandbox.lock.json"
    (folder / "m.lock.json").write_text(
        lock.read_text().replace('"service":"sandbox"', '"service":"https://toapis.com"')
    )

    idle = say("run", "m.yaml")

    assert idle.returncode == 0


def test_a_time_of_nothing_is_refused(say: Say, folder: Path) -> None:
    (folder / "m.yaml").write_text(MANIFEST.replace("run: {", "run: {deadline: 0s, "))

    refused = say("validate", "m.yaml")

    assert refused.returncode == 2
    assert "m.yaml:3:" in refused.stderr


def test_an_axis_with_a_name_of_python_is_refused(say: Say, folder: Path) -> None:
    (folder / "m.yaml").write_text(MANIFEST.replace("lang", "__class__"))

    refused = say("validate", "m.yaml")

    assert refused.returncode == 2
    assert "error[axis-name]" in refused.stderr


def test_videos_without_lock_and_journal_end_with_6_even_where_nothing_is_to_be_done(say: Say, folder: Path) -> None:
    assert say(*SANDBOX).returncode == 0
    (folder / "m.sandbox.lock.json").unlink()
    shutil.rmtree(folder / ".kling-batch")

    again = say(*SANDBOX)

    assert again.returncode == 6
    assert "`kling-batch recover`" in again.stderr


def test_a_lock_that_is_a_link_is_refused(say: Say, folder: Path) -> None:
    assert say(*SANDBOX).returncode == 0
    lock, other = folder / "m.sandbox.lock.json", folder / "other.json"
    lock.rename(other)
    lock.symlink_to(other.name)

    refused = say(*SANDBOX)

    assert refused.returncode == 6
    assert lock.is_symlink()


def test_a_link_that_dies_in_the_year_9999_is_damage(say: Say, folder: Path) -> None:
    assert say(*SANDBOX).returncode == 0
    lock = folder / "m.sandbox.lock.json"
    lock.write_text(lock.read_text().replace('"state":"done"', '"state":"done","expires":253370764800', 1))

    refused = say("status", "m.yaml", "--sandbox")

    assert refused.returncode == 6
    assert "m.sandbox.lock.json:3:" in refused.stderr
