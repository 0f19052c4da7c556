"""What ends a command: the exit code, and what a person reads."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from kling_batch.cli.failure import bug_report, told
from kling_batch.errors import AccountError, DiskError, KlingBatchError, LockHeldError, ManifestError, StateError
from kling_batch.text.diagnostic import Diagnostic

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
Golden = Callable[[str, str], None]
AT_TERMINAL = """
import fcntl, signal, sys, termios
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell is born deaf to it
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C goes to the session whose terminal it is
from kling_batch.cli.main import main
sys.exit(main())
"""


def test_a_mistake_in_a_manifest_is_shown_at_its_place(command: Command, folder: Path, golden: Golden) -> None:
    (folder / "spring.yaml").write_text("version: 1\nproject: spring\nshots:\n  hero:\n    request: {promt: x}\n")

    said = command("plan", "spring.yaml")

    assert (said.code, said.out) == (2, "")
    golden("error-manifest.txt", said.err)


def test_a_missing_manifest_is_told(command: Command) -> None:
    said = command("plan", "autumn.yaml")

    assert (said.code, said.out) == (2, "")
    assert "autumn.yaml" in said.err
    assert "Traceback" not in said.err
    assert "`kling-batch init` writes a first manifest" in said.err
    assert "did you mean `spring.yaml`?" in command("plan", "sprnig.yaml").err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "spring.yaml", "--bugdet", "1"], "--budget"),
        (["run", "spring.yaml", "--budget", "-1"], "0 or more"),
        (["run", "spring.yaml", "--budget", "NaN"], "0 or more"),
        (["run", "spring.yaml", "--budget", "1e999999999999999999999"], "12.50"),
        (["run", "spring.yaml", "--budget", "inf"], "0 or more"),
        (["run", "spring.yaml", "--budget", "$5"], "12.50"),
        (["run", "spring.yaml", "--limit", "-1"], "limit"),
        (["run", "spring.yaml", "--sandbox", "--speed", "nan"], "above 0"),
        (["run", "spring.yaml", "--sandbox", "--speed", "0"], "above 0"),
        (["run", "spring.yaml", "--sandbox", "--speed", "fast"], "45"),
        (["run", "spring.yaml", "--speed", "10"], "add `--sandbox`"),
        (["plan", "spring.yaml", "--var", "brand"], "NAME=VALUE"),
        (["plan", "spring.yaml", "--var", "=x"], "NAME=VALUE"),
        (["plan", "spring.yaml", "heros"], "did you mean `hero`?"),
        (["plan", "spring.yaml", "zzz"], "the shots are `hero`"),
        (["frobnicate"], "frobnicate"),
        (["plan"], "MANIFEST"),
        (["schema", "sonnet"], "sonnet"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(command: Command, words: list[str], says: str) -> None:
    said = command(*words)

    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert said.err.startswith("error: ")


MISTYPED = (
    ["plan", "spring.yaml", "--only", "hero"],
    ["plan", "spring.yaml", "--bugdet", "1"],
    ["run", "spring.yaml", "--bugdet", "1"],
    ["plan", "spring.yaml", "--shard", "9/8"],
    ["plan", "spring.yaml", "--shard"],
    ["plan", "spring.yaml", "--sample", "2", "--by", "lang"],
    ["plan", "spring.yaml", "--sample", "some"],
    ["plan", "spring.yaml", "--sample", "-1"],
    ["plan", "spring.yaml", "--state", "dead"],
    ["plan", "spring.yaml", "--json=1"],
    ["plan"],
    ["export", "spring.yaml", "there"],
    ["mv", "spring.yaml", "hero", "opener", "closer"],
    ["plna", "spring.yaml"],
    ["lock", "chek"],
    ["--quiet"],
)


def test_what_is_mistyped_is_told_as_every_error_is(command: Command, golden: Golden) -> None:
    ended = [(words, command(*words)) for words in MISTYPED]

    assert {said.code for _, said in ended} == {2}
    golden("mistyped.txt", "\n".join(f"$ kling-batch {' '.join(words)}\n{said.err}" for words, said in ended))


def test_an_expression_that_is_true_of_no_job_is_told(command: Command, folder: Path) -> None:
    (folder / "autumn.yaml").write_text((folder / "spring.yaml").read_text().replace("[de, en]", "[fr]"))

    none = command("plan", "spring.yaml", "--where", "lang == 'xx'")
    some = command("plan", ".", "--where", "lang == 'fr'")

    assert (none.code, none.out) == (0, "Plan: no jobs.\n")
    assert none.err == "`--where` means no job: `lang == 'xx'` is true of none\n"
    assert (some.code, some.err) == (0, "")


def test_a_missing_key_says_what_to_set_and_names_the_sandbox(command: Command, folder: Path) -> None:
    said = command("run", "spring.yaml", "--yes")

    assert said.code == 2
    assert "export TOAPIS_API_KEY=" in said.err
    assert "--sandbox" in said.err
    assert not (folder / "spring.lock.json").exists()


def test_nobody_to_ask_and_no_yes_sends_nothing(process: Command, folder: Path) -> None:
    said = process("run", "spring.yaml", "--sandbox")

    assert said.code == 2
    assert "--yes" in said.err
    assert not list(folder.glob("*.lock.json"))


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 2), (b"\n", 2), (b"\x03", 130), (b"\x04", 130)])
def test_who_does_not_say_yes_sends_nothing(folder: Path, answer: bytes, code: int) -> None:
    leader, follower = pty.openpty()
    words = [sys.executable, "-c", AT_TERMINAL, "run", "spring.yaml", "--sandbox"]
    process = subprocess.Popen(
        words, cwd=folder, stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    )
    os.close(follower)
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(leader, 4096)

    ended = None
    for _ in range(30):  # a key that comes before the line editor is ready is swallowed by it
        os.write(leader, answer)
        with suppress(subprocess.TimeoutExpired):
            ended = process.wait(timeout=1)
            break

    assert ended == code
    os.close(leader)
    assert not list(folder.glob("*.lock.json"))


def test_an_error_is_told_with_its_help() -> None:
    error = KlingBatchError("it is so", help="do this\nor that")

    assert told(error, color=False) == "error: it is so\n  |\n  = help: do this\n  = help: or that"


def test_each_error_has_its_exit_code() -> None:
    placed = Diagnostic(code="torn", message="the lock is torn", place="spring.lock.json")

    assert ManifestError([placed]).exit_code == 2
    assert StateError("damaged", diagnostics=[placed]).exit_code == 6
    assert LockHeldError("pid 7").exit_code == 7
    assert AccountError("no key").exit_code == 8
    assert "error[torn]: the lock is torn" in told(StateError("damaged", diagnostics=[placed]), color=False)
    assert told(StateError("damaged"), color=False) == "error: damaged"


def test_a_full_disk_ends_with_the_lines_that_save_what_is_known() -> None:
    error = DiskError("the disk is full", recovery=["hero#1 tsk_vid_1"])

    assert told(error, color=False).splitlines() == ["error: the disk is full", "hero#1 tsk_vid_1"]


def test_hostile_text_in_an_error_cannot_act() -> None:
    assert "\x1b" not in told(KlingBatchError("\x1b[2J", help="\x1b[2J"), color=False)


def test_a_bug_is_reported_without_secrets_and_without_values() -> None:
    secret = "sk-verysecret"
    local = "a value that nobody should see"

    def broken(value: str) -> None:
        assert value == secret
        raise RuntimeError(f"no {secret}")

    try:
        broken(secret)
    except RuntimeError as error:
        report = bug_report(error, version="1.2.3", verb="run", secrets=[secret, ""])

    assert secret not in report
    assert local not in report
    assert "RuntimeError: no ***" in report
    assert "kling-batch 1.2.3" in report
    assert "cli/test_errors.py" in report
    assert str(Path(__file__).parents[2]) not in report
