"""Why a plan does what it does with a job, and which job made a file."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from campaigns import Bench

from kling_batch.sandbox.task import Fate

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
Golden = Callable[[str, str], None]


@pytest.fixture
def done(folder: Path) -> Bench:
    made = Bench(folder=folder)
    made.write(2)
    assert made.run().exit_code == 0
    return made


def edit(bench: Bench, before: str, after: str) -> None:
    text = bench.manifest.read_text()
    assert before in text
    bench.manifest.write_text(text.replace(before, after))


def committed(folder: Path, subject: str) -> None:
    person = ("-c", "user.name=kim", "-c", "user.email=kim@example.org")
    for words in (("init", "-q"), ("add", "m.yaml", "m.lock.json"), (*person, "commit", "-q", "-m", subject)):
        subprocess.run(["git", *words], cwd=folder, check=True)  # noqa: S607 - git is where it is


@pytest.mark.parametrize("verb", ["why", "which"])
def test_help_ends_with_an_example(command: Command, golden: Golden, verb: str) -> None:
    said = command(verb, "--help")

    assert said.code == 0
    golden(f"help-{verb}.txt", "\n".join(line.rstrip() for line in said.out.splitlines()) + "\n")


def test_why_shows_the_reason_the_parts_and_the_words_that_changed(
    command: Command, done: Bench, golden: Golden
) -> None:
    edit(done, 'prompt: "a cup', 'duration: 10, prompt: "a big mug')
    task = json.loads(command("status", "m.yaml", "--json").out)["jobs"][0]["task"]

    golden("why.txt", command("why", "m.yaml", "hero/n=n0#1").out.replace(task, "TASK"))


def test_why_is_data_too(command: Command, done: Bench) -> None:
    edit(done, "a cup", "a mug")

    told = json.loads(command("why", "m.yaml", "hero/n=n0", "--json").out)

    assert (told["action"], told["because"], told["usd"]) == ("redo", "prompt changed", "0.184")
    assert told["prompt"]["diff"] == [["=", "a "], ["-", "cup"], ["+", "mug"], ["=", " n0"]]
    assert told["prompt"]["told_by"] == "its sidecar"
    assert [part["part"] for part in told["parts"] if part["lock"] != part["manifest"]] == ["prompt"]
    assert told["record"]["state"] == "done"


def test_why_of_several_jobs_is_a_list(command: Command, done: Bench) -> None:
    del done

    assert [each["because"] for each in json.loads(command("why", "m.yaml", "hero", "--json").out)] == ["done", "done"]


def test_an_old_prompt_is_rendered_again_out_of_git(command: Command, done: Bench, folder: Path) -> None:
    committed(folder, "first")
    (folder / "out/hero/n0-t1.mp4.json").unlink()
    edit(done, "a cup", "a mug")

    told = json.loads(command("why", "m.yaml", "hero/n=n0#1", "--json").out)

    assert told["prompt"]["before"] == "a cup n0"
    assert told["prompt"]["told_by"].startswith("commit ")


def test_an_old_prompt_that_nobody_knows_is_told_as_that(command: Command, done: Bench, folder: Path) -> None:
    (folder / "out/hero/n0-t1.mp4.json").unlink()
    edit(done, "a cup", "a mug")

    said = command("why", "m.yaml", "hero/n=n0#1")

    assert "the old prompt is not known any more: no sidecar, and git cannot render it" in said.out


def test_why_explains_what_failed_what_is_new_and_what_is_gone(command: Command, done: Bench) -> None:
    edit(done, "n0, n1", "n1, n2")
    done.service.fate = lambda _body: Fate(code="x", message="content policy")
    done.run()
    edit(done, "n1, n2", "n1, n2, n3")

    said = command("why", "m.yaml", "hero/n=n0", "hero/n=n2", "hero/n=n3")

    assert "failure      rejected: content policy" in said.out
    assert "not in the lock yet" in said.out
    assert "gone from the manifest; it cost $0.184" in said.out


def test_why_of_a_draw_that_was_asked_for_tells_who_wanted_it(command: Command, done: Bench) -> None:
    del done
    command("redo", "m.yaml", "hero/n=n0", "--reason", "too dark")

    said = command("why", "m.yaml", "hero/n=n0")

    assert "asked for anew: too dark" in said.out
    assert "earlier      done, generation 1, attempt 1, $0.184, hero/n0-t1.mp4" in said.out


def test_which_tells_job_prompt_manifest_record_and_commit(command: Command, done: Bench, folder: Path) -> None:
    del done
    committed(folder, "render the hero")

    told = json.loads(command("which", "out/hero/n0-t1.mp4", "--json").out)

    assert (told["key"], told["project"], told["manifest"], told["lock"]) == (
        *("hero/n=n0#1", "test", "m.yaml", "m.lock.json"),
    )
    assert told["request"]["prompt"] == "a cup n0"
    assert (told["commit"]["subject"], told["commit"]["author"]) == ("render the hero", "kim")
    assert (told["is_result"], told["is_as_recorded"]) == (True, True)
    assert told["record"]["state"] == "done"


def test_which_knows_a_video_that_was_moved_and_has_no_sidecar(command: Command, done: Bench, folder: Path) -> None:
    del done
    committed(folder, "first")
    (folder / "cut").mkdir()
    (folder / "out/hero/n1-t1.mp4").rename(folder / "cut/final.mp4")

    said = command("which", "cut/final.mp4")

    assert "job       hero/n=n1#1" in said.out
    assert "prompt    a cup n1 (told by commit " in said.out


def test_which_knows_a_superseded_video(command: Command, done: Bench, folder: Path) -> None:
    edit(done, "a cup", "a mug")
    done.run()
    [beside, _] = sorted((folder / "out/hero").glob("*~*.mp4"))

    told = json.loads(command("which", str(beside), "--json").out)

    assert (told["key"], told["is_result"], told["commit"]) == ("hero/n=n0#1", False, None)
    assert told["request"]["prompt"] == "a cup n0"


def test_which_says_of_a_changed_video_that_it_is_not_the_recorded_one(
    command: Command, done: Bench, folder: Path
) -> None:
    del done
    (folder / "out/hero/n0-t1.mp4").write_bytes(b"graded by hand")

    said = command("which", "out/hero/n0-t1.mp4")

    assert said.code == 0
    assert "file      not the one that was recorded; told by its sidecar" in said.out
    assert "commit    not committed yet" in said.out


def test_which_says_that_nobody_knows_a_file(command: Command, done: Bench, folder: Path) -> None:
    del done
    (folder / "stranger.mp4").write_bytes(b"x")
    (folder / "packages.lock.json").write_text("{}")

    assert "no lock of this project knows" in command("which", "stranger.mp4").err
    assert command("which", "stranger.mp4").code == 2
    assert "is no file" in command("which", "nowhere.mp4").err


def test_a_manifest_that_is_gone_is_told_as_gone(command: Command, done: Bench, folder: Path) -> None:
    del done
    (folder / "m.yaml").unlink()
    (folder / "out/hero/n0-t1.mp4.json").unlink()

    said = command("which", "out/hero/n0-t1.mp4")

    assert "manifest  gone" in said.out
    assert "prompt    not known any more" in said.out
