"""The verb that spends, against the real sandbox on loopback."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from kling_batch.cli.main import main

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
RUN = ("run", "spring.yaml", "--sandbox", "--yes", "--speed", "2000")


def files(folder: Path) -> dict[str, bytes]:
    """Return what lies in a project, but for the note of who ran last."""
    every = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".holder"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in every}


def test_a_run_makes_every_video_and_the_next_one_does_nothing_at_all(command: Command, folder: Path) -> None:
    first = command(*RUN)
    before = files(folder)
    second = command(*RUN)
    status = json.loads(command("status", "spring.yaml", "--sandbox", "--json").out)

    assert first.code == 0
    assert "Plan: 2 to create ($0.37)" in first.out
    assert "made 2 videos in" in first.out
    assert second.code == 0
    assert second.out == "Plan: 2 to keep.\n"
    assert status["counts"] == {"done": 2}
    assert status["usd"] == {"billed": "0.368", "left": "0"}
    assert files(folder) == before
    for job in status["jobs"]:
        assert (folder / "outputs/spring.sandbox" / job["output"]).read_bytes()[4:8] == b"ftyp"
    assert command("plan", "spring.yaml", "--sandbox", "--exit-code").code == 0


def test_events_are_json_lines_on_stdout_and_talk_is_not(command: Command) -> None:
    said = command(*RUN, "--json", "hero/lang=de")

    events = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 0
    assert events[0]["event"] == "version"
    assert events[-1] == {"event": "ended", "exit_code": 0, "reasons": [], "counts": {"done": 1}, "usd": "0.184"} | {
        "counts": events[-1]["counts"]
    }
    assert [each["event"] for each in events].count("done") == 1
    assert "made 1 video" in said.err


def test_quiet_says_nothing_where_nothing_is_wrong(command: Command) -> None:
    said = command(*RUN, "--quiet", "--only", "hero/lang=de")

    assert (said.code, said.out, said.err) == (0, "", "")


def test_locked_sends_nothing_and_ends_with_3(command: Command, folder: Path) -> None:
    said = command(*RUN, "--locked")

    assert said.code == 3
    assert not list(folder.glob("*.lock.json"))


def test_a_limit_leaves_work_and_says_which(command: Command) -> None:
    said = command(*RUN, "--limit", "1")

    assert said.code == 5
    assert "not sent: 1 job, $0.18; nothing was paid for them" in said.out
    assert "kling-batch run spring.yaml --sandbox" in said.out


def test_a_budget_of_nothing_buys_nothing(process: Command) -> None:
    said = process(*RUN, "--budget", "0", "--max-failures", "1")

    assert said.code == 5
    assert "made 0 videos" in said.out


def test_a_rejected_job_is_blocked_until_it_is_asked_for(command: Command, folder: Path) -> None:
    rules = [{"on": "submit", "when": {"times": 1}, "do": {"task": {"message": "Content violates the content policy"}}}]
    (folder / "faults.json").write_text(json.dumps({"seed": 1, "rules": rules}))

    first = command(*RUN, "--scenario", "faults.json")
    second = command(*RUN)
    third = command(*RUN, "--retry", "rejected")

    assert first.code == 4
    assert "blocked: 1 job, until the request changes" in first.out
    assert "--retry rejected" in first.out
    assert second.code == 4
    assert "1 blocked" in second.out
    assert third.code == 0


def test_a_job_chosen_by_a_state_that_the_run_changed_is_told_with_a_command_that_means_it(
    command: Command, folder: Path
) -> None:
    rules = [{"on": "submit", "when": {"times": 1}, "do": {"task": {"message": "Content violates the content policy"}}}]
    (folder / "faults.json").write_text(json.dumps({"seed": 1, "rules": rules}))

    first = command(*RUN, "--scenario", "faults.json", "--state", "pending", "--limit", "1")
    [told] = [line.strip() for line in first.out.splitlines() if "--retry" in line]
    second = command(*shlex.split(told)[1:], "--yes", "--speed", "2000")

    assert first.code == 5
    assert "blocked: 1 job, until the request changes" in first.out
    assert told == "kling-batch run spring.yaml --sandbox --retry rejected 'hero/lang=de#1'"
    assert second.code == 0
    assert "made 1 video in" in second.out


def test_the_command_for_what_is_left_buys_no_more_than_was_chosen(command: Command) -> None:
    said = command(*RUN, "hero/lang=*", "--exclude", "hero/lang=en", "--limit", "0")

    assert said.code == 5
    assert "kling-batch run spring.yaml 'hero/lang=*' --exclude=hero/lang=en --sandbox\n" in said.out


def fork_event(folder: Path, head: str) -> dict[str, str]:
    payload = folder / "event.json"
    payload.write_text(
        json.dumps(
            {"pull_request": {"head": {"repo": {"full_name": head}}, "base": {"repo": {"full_name": "us/films"}}}}
        )
    )
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(payload),
        "TOAPIS_API_KEY": "sk-test",
        "TOAPIS_BASE_URL": "http://127.0.0.1:9/v1",
    }


def test_a_pull_request_from_a_fork_does_not_spend(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in fork_event(folder, "them/films").items():
        monkeypatch.setenv(name, value)

    said = command("run", "spring.yaml", "--yes")

    assert said.code == 8
    assert "the pull request comes from `them/films`, not from `us/films`" in said.err
    assert not list(folder.glob("*.lock.json"))


def test_the_command_is_the_same_from_python(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder

    assert main(["validate", "spring.yaml"]) == 0
    assert capsys.readouterr().out == "ok: 2 jobs, 1 shot\n"
