"""The command that hears how a run ended."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kling_batch.cli.hook import tell_hook

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
RUN = ("run", "spring.yaml", "--sandbox", "--yes", "--speed", "2000", "--quiet")


def test_a_hook_gets_a_summary_and_no_key(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOAPIS_API_KEY", "sk-verysecret")

    said = command(*RUN, "--on-done", "cat > told.json; env > env.txt")

    told = json.loads((folder / "told.json").read_text())
    assert said.code == 0
    assert said.err == ""
    assert (told["exit_code"], told["usd"]) == (0, "0.368")
    assert told["manifests"][0]["manifest"] == "spring.yaml"
    assert told["manifests"][0]["counts"] == {"done": 2}
    assert told["manifests"][0]["submits"] == 2
    assert "sk-verysecret" not in (folder / "env.txt").read_text()
    assert "TOAPIS_API_KEY" not in (folder / "env.txt").read_text()


def test_a_hook_that_fails_changes_nothing(command: Command) -> None:
    said = command(*RUN, "--on-done", "exit 9")

    assert said.code == 0
    assert "warning: `--on-done` ended with 9" in said.err


def test_a_hook_that_reads_nothing_is_no_trouble(command: Command) -> None:
    assert command(*RUN, "--on-done", "true").code == 0


def test_a_hook_hears_of_a_run_that_had_nothing_to_do(command: Command, folder: Path) -> None:
    command(*RUN)

    command(*RUN, "--on-done", "cat > told.json")

    assert json.loads((folder / "told.json").read_text())["usd"] == "0"


def test_a_hook_hears_of_a_failure(command: Command, folder: Path) -> None:
    rules = [{"on": "submit", "do": {"reply": {"status": 401, "body": "{}"}}}]
    (folder / "faults.json").write_text(json.dumps({"seed": 1, "rules": rules}))

    said = command(*RUN, "--scenario", "faults.json", "--on-done", "cat > told.json")

    told = json.loads((folder / "told.json").read_text())
    assert said.code == told["exit_code"] == 8
    assert told["manifests"][0]["reasons"]


def test_what_a_hook_prints_never_stands_among_the_events(process: Command) -> None:
    said = process(*RUN[:-1], "--json", "--on-done", "echo loud")

    assert said.code == 0
    assert [json.loads(line)["event"] for line in said.out.splitlines()][-1] == "ended"
    assert "loud" in said.err


def test_a_hook_that_hangs_is_ended_with_all_it_has_started(folder: Path) -> None:
    began = time.monotonic()
    tell_hook(f"{sys.executable} -c 'import time; time.sleep(60)' & wait", {"exit_code": 0}, patience=0.3)

    assert folder.is_dir()
    assert time.monotonic() - began < 5


def test_a_hook_that_cannot_begin_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell_hook("no\0command", {"exit_code": 0})

    assert folder.is_dir()
    assert "warning: `--on-done` could not be run" in capsys.readouterr().err
