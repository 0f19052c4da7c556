"""The verbs that hold files and state against each other, against the real sandbox on loopback."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
Golden = Callable[[str, str], None]
RUN = ("run", "spring.yaml", "--sandbox", "--yes", "--speed", "2000")
VERIFY = ("verify", "spring.yaml", "--sandbox")
RECOVER = ("recover", "spring.yaml", "--sandbox")
LOCK = "spring.sandbox.lock.json"
OUTPUTS = "outputs/spring.sandbox/hero"


@pytest.fixture
def made(command: Command, folder: Path) -> Path:
    assert command(*RUN).code == 0
    return folder


def lose(folder: Path) -> None:
    (folder / LOCK).unlink()
    (folder / ".kling-batch/spring.sandbox.journal.jsonl").unlink()


@pytest.mark.parametrize("verb", ["verify", "recover"])
def test_help_ends_with_an_example(command: Command, golden: Golden, verb: str) -> None:
    said = command(verb, "--help")

    assert said.code == 0
    golden(f"help-{verb}.txt", "\n".join(line.rstrip() for line in said.out.splitlines()) + "\n")


def test_a_campaign_without_videos_has_nothing_to_verify(command: Command) -> None:
    said = command("verify", "spring.yaml")

    assert (said.code, said.out) == (0, "0 files: 0 as they were made\n")


@pytest.mark.usefixtures("made")
def test_sound_files_are_counted(command: Command) -> None:
    said = command(*VERIFY)
    told = json.loads(command(*VERIFY, "hero/lang=de", "--json").out)

    assert (said.code, said.out) == (0, "2 files: 2 as they were made\n")
    assert told["counts"] == {"sound": 1}
    assert set(told["files"][0]) == {"key", "output", "task", "sha256", "state", "because", "picture", "warnings"}


def test_what_is_wrong_is_told_with_what_to_do_and_ends_with_9(command: Command, made: Path) -> None:
    (made / OUTPUTS / "de-t1.mp4").unlink()
    (made / OUTPUTS / "en-t1.mp4").write_bytes(b"mine")

    said = command(*VERIFY)

    assert said.code == 9
    assert said.out.splitlines()[0] == "missing  hero/lang=de#1  hero/de-t1.mp4  it is not here"
    assert "2 files: 0 as they were made, 1 missing, 1 changed" in said.out
    assert "    kling-batch verify spring.yaml --sandbox --fetch\n" in said.out


def test_a_link_in_the_place_of_a_file_is_told_and_the_rest_is_checked(command: Command, made: Path) -> None:
    file = made / OUTPUTS / "de-t1.mp4"
    file.rename(made / "elsewhere.mp4")
    file.symlink_to(made / "elsewhere.mp4")

    said = command(*VERIFY)

    assert said.code == 9
    assert "changed  hero/lang=de#1  hero/de-t1.mp4  `hero/de-t1.mp4` leads through a symbolic link" in said.out
    assert "2 files: 1 as they were made, 1 changed" in said.out


def test_fetch_brings_what_is_missing_and_keeps_the_rest(command: Command, made: Path) -> None:
    lock = (made / LOCK).read_bytes()
    before = (made / OUTPUTS / "de-t1.mp4").read_bytes()
    shutil.rmtree(made / "outputs")

    said = command(*VERIFY, "--fetch")

    assert said.code == 0, said.out
    assert (made / OUTPUTS / "de-t1.mp4").read_bytes() == before
    assert (made / LOCK).read_bytes() == lock
    assert command(*RUN).out == "Plan: 2 to keep.\n"


def test_a_selector_that_means_nothing_is_told(command: Command) -> None:
    assert command("verify", "spring.yaml", "herp").code == 2


def test_a_fetch_without_a_key_says_which(command: Command, made: Path) -> None:
    (made / "spring.lock.json").write_text(
        (made / LOCK).read_text().replace('"service":"sandbox"', '"service":"https://toapis.com"')
    )

    said = command("verify", "spring.yaml", "--fetch")

    assert said.code == 2
    assert "`TOAPIS_API_KEY` is not set" in said.err


def test_a_lost_lock_stops_a_run_and_comes_back(command: Command, made: Path) -> None:
    before = (made / LOCK).read_bytes()
    lose(made)

    stopped = command(*RUN)
    said = command(*RECOVER, "--yes")
    again = command(*RUN)

    assert stopped.code == 6
    assert "kling-batch recover" in stopped.err
    assert (said.code, said.err) == (0, f"wrote {LOCK}\n")
    assert "found: 2 jobs (2 from the file), $0.37 spent or committed" in said.out
    assert (made / LOCK).read_bytes().replace(b'"look_up":{"model":"kling-v2-6"},', b"") == before.replace(
        b'"look_up":{"model":"kling-v2-6"},', b""
    )
    assert (again.code, again.out) == (0, "Plan: 2 to keep.\n")


def test_tasks_without_files_are_found_at_the_service(command: Command, made: Path) -> None:
    shutil.rmtree(made / "outputs")
    lose(made)

    said = command(*RECOVER, "--yes", "--json")
    collected = command("refresh", "spring.yaml", "--sandbox", "--speed", "2000")

    told = json.loads(said.out)
    assert [job["source"] for job in told["found"]] == ["service", "service"]
    assert (told["written"], told["asked"], told["unknown"]) == (True, True, [])
    assert collected.code == 0
    assert (made / OUTPUTS / "de-t1.mp4").is_file()


def test_without_a_key_it_is_told_who_was_not_asked(command: Command, made: Path) -> None:
    shutil.copytree(made / "outputs/spring.sandbox", made / "outputs/spring")
    for beside in (made / "outputs/spring").rglob("*.mp4.json"):  # as an older version wrote it, which named no service
        told = json.loads(beside.read_text())
        beside.write_text(json.dumps({name: each for name, each in told.items() if name != "service"}))
    (made / "spring.yaml").write_text((made / "spring.yaml").read_text().replace("[de, en]", "[de, en, fr]"))

    said = command("recover", "spring.yaml", "--yes")

    assert said.code == 0
    assert "not found: 1 job; the service was not asked about them, because `TOAPIS_API_KEY` is not set" in said.out
    assert "  hero/lang=fr#1\n" in said.out


def test_nothing_is_written_unasked(command: Command, made: Path) -> None:
    lose(made)

    said = command(*RECOVER)

    assert said.code == 2
    assert "found: 2 jobs" in said.out
    assert "nobody is there to be asked, so nothing was written" in said.err
    assert not (made / LOCK).exists()


def test_a_lock_that_is_there_is_refused(command: Command, made: Path) -> None:
    before = (made / LOCK).read_bytes()

    said = command(*RECOVER, "--yes")

    assert said.code == 6
    assert "is never overwritten" in said.err
    assert (made / LOCK).read_bytes() == before


def test_where_nothing_is_left_nothing_is_written(command: Command, folder: Path) -> None:
    said = command("recover", "spring.yaml", "--yes")

    assert said.code == 0
    assert said.out.startswith("found: 0 jobs\nnot found: 2 jobs; ")
    assert not list(folder.glob("*.lock.json"))


def test_the_lost_locks_of_several_manifests_are_recovered_and_the_others_left(command: Command, made: Path) -> None:
    (made / "autumn.yaml").write_text((made / "spring.yaml").read_text().replace("spring", "autumn"))
    assert command("run", "autumn.yaml", "--sandbox", "--yes", "--speed", "2000").code == 0
    before = (made / "autumn.sandbox.lock.json").read_bytes()
    lose(made)

    said = command("recover", ".", "--sandbox", "--yes", "--json")

    autumn, spring = json.loads(said.out)["manifests"]
    assert said.code == 6
    assert "`autumn.sandbox.lock.json` is there, and is never overwritten" in said.err
    assert (autumn["manifest"], "is never overwritten" in autumn["error"]) == ("autumn.yaml", True)
    assert (spring["manifest"], spring["written"], len(spring["found"])) == ("spring.yaml", True, 2)
    assert (made / "autumn.sandbox.lock.json").read_bytes() == before
    assert (made / LOCK).exists()


def test_some_jobs_that_a_lock_has_lost_are_put_back_beside_what_it_knows(command: Command, made: Path) -> None:
    whole = (made / LOCK).read_text()
    kept = re.sub(r'"hero/lang=en#1":\n.*\n,?\n?', "", whole).replace("\n,\n}}", "\n}}")
    assert "en#1" not in kept
    (made / LOCK).write_text(kept)
    for path in (made / ".kling-batch").glob("*.journal.jsonl"):
        path.unlink()

    elsewhere = command(*RECOVER, "hero/lang=de", "--yes")
    said = command(*RECOVER, "hero/lang=en", "--yes")

    assert elsewhere.out == "found: 0 jobs\n"
    assert "found: 1 job (1 from the file), $0.18 spent or committed" in said.out
    assert (made / LOCK).read_text() == whole
    assert command(*RUN).out == "Plan: 2 to keep.\n"


def test_some_jobs_of_a_lock_that_is_all_lost_are_refused(command: Command, made: Path) -> None:
    lose(made)

    said = command(*RECOVER, "hero/lang=en", "--yes")

    assert said.code == 6
    assert "one that knows some of the jobs would count as whole" in said.err
    assert not (made / LOCK).exists()
