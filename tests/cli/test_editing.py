"""The verbs that edit the lock by a person's word: what they grant, what they refuse, and that none of them pays."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from campaigns import Bench

import kling_batch
from kling_batch.sandbox.task import Fate

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
Golden = Callable[[str, str], None]
VERBS = ["redo", "accept", "import", "forget", "mv", "prune"]
ARGUMENTS = {
    "redo": ["hero"],
    "accept": ["hero"],
    "import": ["hero/n=n0#1", "tsk_9"],
    "forget": ["hero"],
    "mv": ["hero", "opener"],
    "prune": [],
}


@pytest.fixture
def bench(folder: Path) -> Bench:
    made = Bench(folder=folder)
    made.write(2)
    return made


@pytest.fixture
def done(bench: Bench) -> Bench:
    assert bench.run().exit_code == 0
    return bench


def edit(bench: Bench, before: str, after: str) -> None:
    text = bench.manifest.read_text()
    assert before in text
    bench.manifest.write_text(text.replace(before, after))


def actions(command: Command) -> dict[str, str]:
    told = json.loads(command("plan", "m.yaml", "--json").out)["changes"]
    return {change["key"]: change["action"] for change in told}


def record(bench: Bench, key: str) -> kling_batch.Record:
    return kling_batch.state(bench.campaign()).jobs[kling_batch.Key(key)]


@pytest.mark.parametrize("verb", VERBS)
def test_help_ends_with_an_example(command: Command, golden: Golden, verb: str) -> None:
    said = command(verb, "--help")

    assert said.code == 0
    assert "Example: kling-batch" in said.out
    golden(f"help-{verb}.txt", "\n".join(line.rstrip() for line in said.out.splitlines()) + "\n")


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_is_edited_while_another_runner_holds_the_lock(
    process: Command, done: Bench, folder: Path, verb: str
) -> None:
    before = (folder / "m.lock.json").read_bytes()

    with kling_batch.hold(done.campaign()):
        said = process(verb, "m.yaml", *ARGUMENTS[verb])

    assert said.code == 7
    assert "another run holds this lock" in said.err
    assert (folder / "m.lock.json").read_bytes() == before


def test_redo_asks_for_another_draw_and_keeps_the_first_beside_it(command: Command, done: Bench, folder: Path) -> None:
    first = (folder / "out/hero/n0-t1.mp4").read_bytes()

    said = command("redo", "m.yaml", "hero/n=n0", "--reason", "too dark")
    asked = actions(command)
    done.run()

    assert said.out == "redo  hero/n=n0#1  is made anew by the next run for $0.184\n"
    assert asked == {"hero/n=n0#1": "redo", "hero/n=n1#1": "keep"}
    assert sum(done.charges().values()) == 3
    assert record(done, "hero/n=n0#1").reason == "too dark"
    [beside] = (folder / "out/hero").glob("n0-t1~*.mp4")
    assert beside.read_bytes() == first
    assert actions(command) == {"hero/n=n0#1": "keep", "hero/n=n1#1": "keep"}


def test_redo_twice_is_one_redo_and_accept_takes_it_back(command: Command, done: Bench) -> None:
    command("redo", "m.yaml", "hero/n=n0")
    again = command("redo", "m.yaml", "hero/n=n0")
    back = command("accept", "m.yaml", "hero/n=n0")

    assert (again.code, again.out) == (0, "")
    assert "is made anew by the next run already" in again.err
    assert back.code == 0
    assert actions(command) == {"hero/n=n0#1": "keep", "hero/n=n1#1": "keep"}
    done.run()
    assert sum(done.charges().values()) == 2


def test_redo_of_an_edit_that_was_taken_back_draws_instead_of_restoring(command: Command, done: Bench) -> None:
    edit(done, "a cup", "a mug")
    done.run()
    edit(done, "a mug", "a cup")

    command("redo", "m.yaml", "hero/n=n0")

    assert actions(command) == {"hero/n=n0#1": "redo", "hero/n=n1#1": "restore"}
    done.run()
    assert sum(done.charges().values()) == 5


def test_redo_leaves_alone_what_is_under_way_or_was_never_made(command: Command, bench: Bench) -> None:
    bench.write(2, run="deadline: 30s")
    bench.service.fate = lambda _body: Fate(seconds=300.0)
    bench.run(limit=1)

    said = command("redo", "m.yaml", "hero")

    assert said.code == 2
    assert "is under way" in said.err
    assert "was never made; the next run makes it" in said.err


def test_accept_lets_the_video_be_what_is_asked_for(command: Command, done: Bench) -> None:
    edit(done, "a cup", "a  cup")

    said = command("accept", "m.yaml", "hero", "--reason", "a space", "--json")

    assert [each["key"] for each in json.loads(said.out)["changed"]] == ["hero/n=n0#1", "hero/n=n1#1"]
    assert set(actions(command).values()) == {"keep"}
    assert done.run().exit_code == 0
    assert sum(done.charges().values()) == 2


def test_accept_after_a_failed_edit_takes_the_video_before_it(command: Command, done: Bench) -> None:
    edit(done, "a cup", "a bad cup")
    done.service.fate = lambda _body: Fate(code="x", message="content policy")
    done.run()

    assert set(actions(command).values()) == {"blocked"}
    command("accept", "m.yaml", "hero")

    assert set(actions(command).values()) == {"keep"}


def test_accept_without_a_video_is_refused(command: Command, bench: Bench) -> None:
    bench.run(limit=0)

    said = command("accept", "m.yaml", "hero")

    assert said.code == 2
    assert "has no video that could be accepted" in said.err


def test_forget_names_what_would_be_lost_and_forgets_nothing_of_it(command: Command, done: Bench, folder: Path) -> None:
    del done
    before = (folder / "m.lock.json").read_bytes()

    said = command("forget", "m.yaml", "hero")

    assert said.code == 2
    assert "$0.184, `hero/n0-t1.mp4` would be lost; `--yes` forgets it all the same" in said.err
    assert (folder / "m.lock.json").read_bytes() == before


def test_forget_drops_what_cost_nothing_and_with_yes_what_did_and_touches_no_file(
    command: Command, done: Bench, folder: Path
) -> None:
    edit(done, "n0, n1", "n1, n2")
    done.run(limit=0)

    free = command("forget", "m.yaml", "hero/n=n2")
    paid = command("forget", "m.yaml", "hero/n=n0", "--yes")

    assert (free.code, paid.code) == (0, 0)
    assert "it cost nothing" in free.out
    assert set(kling_batch.state(done.campaign()).jobs) == {"hero/n=n1#1"}
    assert (folder / "out/hero/n0-t1.mp4").exists()


def test_a_forgotten_job_whose_video_is_still_there_is_not_bought_but_told_how_to_take_it_in(
    command: Command, done: Bench, folder: Path
) -> None:
    command("forget", "m.yaml", "hero/n=n0", "--yes")

    planned = command("plan", "m.yaml")
    done.run()

    assert "a video of this job that no record knows lies at `hero/n0-t1.mp4`: `recover` takes it in" in planned.out
    assert sum(done.charges().values()) == 2
    assert (folder / "out/hero/n0-t1.mp4").exists()


def test_what_may_have_been_paid_for_is_never_forgotten(command: Command, bench: Bench) -> None:
    bench.service.trouble = lambda operation, _: "lost" if operation in {"submit", "look"} else ""
    bench.run()

    said = command("forget", "m.yaml", "hero/n=n0", "--yes")

    assert said.code == 2
    assert "`resolve` settles it first" in said.err


@pytest.mark.parametrize(
    ("old", "new", "manifest"),
    [
        ("hero", "opener", ("hero:", "opener:")),
        ("hero/n", "hero/number", ("n: [n0, n1]", "number: [n0, n1]")),
        ("hero/n=n0", "hero/n=zero", ("n0, n1", "zero, n1")),
        ("hero/n=n0#1", "hero/n=zero#1", ("n0, n1", "zero, n1")),
    ],
)
def test_mv_renames_what_is_edited_in_the_same_breath(
    command: Command, done: Bench, old: str, new: str, manifest: tuple[str, str]
) -> None:
    edit(done, *manifest)
    edit(done, "a cup {{ n }}", "a mug")

    said = command("mv", "m.yaml", old, new)
    command("accept", "m.yaml", "opener" if new == "opener" else "hero")
    outcome = done.run()

    assert said.code == 0
    assert outcome.exit_code == 0
    assert sum(done.charges().values()) == 2
    assert set(actions(command).values()) == {"keep"}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("hero", "hero/n", "are not of one form"),
        ("hero/n=n0", "hero/n", "do not both name values"),
        ("hero/n=n0", "hero/n=n1", "has a record of its own"),
        ("hreo", "opener", "no record is meant by `hreo`"),
        ("hero", "/n=n0", "are not of one form"),
        ("hero", "hero", "`hero` has that name already"),
        ("hero", "he\x1bro", "`he\\x1bro` has U+001B in it"),
    ],
)
def test_mv_says_why_it_renames_nothing(
    command: Command, done: Bench, folder: Path, old: str, new: str, why: str
) -> None:
    del done
    before = (folder / "m.lock.json").read_bytes()

    said = command("mv", "m.yaml", old, new)

    assert said.code == 2
    assert why in said.err
    assert (folder / "m.lock.json").read_bytes() == before


def test_mv_tells_names_that_the_manifest_does_not_have_yet(command: Command, done: Bench) -> None:
    del done

    said = command("mv", "m.yaml", "hero", "opener")

    assert said.out.splitlines()[-1] == "2 new names not in the manifest yet, such as `opener/n=n0#1`"


def test_a_reason_is_one_short_line(command: Command, done: Bench) -> None:
    del done

    assert command("redo", "m.yaml", "hero", "--reason", "a\nb").code == 2
    assert command("redo", "m.yaml", "hero", "--reason", "a" * 501).code == 2


def test_an_edit_that_was_killed_before_the_lock_was_written_is_in_the_journal(
    command: Command, done: Bench, folder: Path
) -> None:
    before = (folder / "m.lock.json").read_bytes()
    command("redo", "m.yaml", "hero/n=n0", "--reason", "too dark")
    command("mv", "m.yaml", "hero/n=n1", "hero/n=n3")
    command("forget", "m.yaml", "hero/n=n3", "--yes")
    (folder / "m.lock.json").write_bytes(before)

    known = kling_batch.state(done.campaign()).jobs

    assert set(known) == {"hero/n=n0#1"}
    assert record(done, "hero/n=n0#1").reason == "too dark"


def test_which_jobs_may_be_said_by_state_and_expression_and_must_be_said(command: Command, done: Bench) -> None:
    edit(done, "n0, n1", "n0, n1, n2")
    done.service.fate = lambda _body: Fate(code="x", message="content policy")
    done.run()

    nothing = command("redo", "m.yaml")
    failed = json.loads(command("redo", "m.yaml", "--state", "failed", "--json").out)
    chosen = json.loads(command("redo", "m.yaml", "--where", "n == 'n1'", "--json").out)

    assert nothing.code == 2
    assert "say which jobs" in nothing.err
    assert [each["key"] for each in failed["changed"]] == ["hero/n=n2#1"]
    assert [each["key"] for each in chosen["changed"]] == ["hero/n=n1#1"]


def test_several_manifests_are_decided_about_at_once_or_not_at_all(command: Command, done: Bench, folder: Path) -> None:
    (folder / "other.yaml").write_text(done.manifest.read_text().replace("root: out", "root: other"))
    before = (folder / "m.lock.json").read_bytes()
    command("import", "other.yaml", "hero/n=n0#1", "tsk_9")

    refused = command("forget", "m.yaml", "other.yaml", "hero")
    kept = (folder / "m.lock.json").read_bytes() == before
    granted = json.loads(command("forget", "m.yaml", "other.yaml", "hero", "--yes", "--json").out)

    assert (refused.code, kept) == (2, True)
    assert [(each["manifest"], each["key"]) for each in granted["changed"]] == [
        *(("m.yaml", "hero/n=n0#1"), ("m.yaml", "hero/n=n1#1"), ("other.yaml", "hero/n=n0#1")),
    ]


def test_what_status_calls_lost_is_lost_to_a_selection_too(command: Command, bench: Bench) -> None:
    bench.service.epoch -= 10 * 86400
    bench.service.trouble = lambda operation, _: "403" if operation == "download" else ""
    bench.run(limit=1)

    told = json.loads(command("redo", "m.yaml", "--state", "lost", "--json").out)

    assert [each["key"] for each in told["changed"]] == ["hero/n=n0#1"]
    assert actions(command)["hero/n=n0#1"] == "redo"
