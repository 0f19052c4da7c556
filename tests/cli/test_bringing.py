"""Taking in what was made elsewhere, and throwing away what no job needs."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from campaigns import Bench

import kling_batch
from kling_batch.plan.record import State

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import


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
    bench.manifest.write_text(bench.manifest.read_text().replace(before, after))


def record(bench: Bench, key: str) -> kling_batch.Record:
    return kling_batch.state(bench.campaign()).jobs[kling_batch.Key(key)]


def bought(bench: Bench) -> list[str]:
    """Make two videos at the service, and forget that they were made here."""
    bench.run()
    tasks = [str(each.task) for each in kling_batch.state(bench.campaign()).jobs.values()]
    for path in (*bench.folder.glob("*.lock.json"), *bench.folder.glob(".kling-batch/*.jsonl")):
        path.unlink()
    for path in sorted((bench.folder / "out/hero").iterdir()):
        path.unlink()
    return tasks


def test_an_imported_task_is_collected_and_not_bought(command: Command, bench: Bench, folder: Path) -> None:
    task = bought(bench)[0]

    said = command("import", "m.yaml", "hero/n=n0#1", task, "--reason", "made by hand")
    bench.run(only=["hero/n=n0"])

    assert said.out == f"import  hero/n=n0#1  is collected by the next run: task `{task}`\n"
    made = record(bench, "hero/n=n0#1")
    assert (made.state, made.task, made.business_id, made.reason) == (State.DONE, task, None, "made by hand")
    assert (folder / "out/hero/n0-t1.mp4").is_file()
    assert sum(bench.charges().values()) == 2


@pytest.mark.parametrize("form", ["{} {}\n", "{},{}\n", '"{}",{}\n', "{}\t{}\r\n", "{} ; {}\n"])
def test_many_tasks_are_imported_from_a_file(command: Command, bench: Bench, folder: Path, form: str) -> None:
    tasks = bought(bench)
    lines = [form.format(f"hero/n=n{number}#1", task) for number, task in enumerate(tasks)]
    (folder / "tasks.csv").write_text("key,task\n# from the dashboard\n\n" + "".join(lines))

    assert command("import", "m.yaml", "--file", "tasks.csv").code == 0
    bench.run()

    assert sum(bench.charges().values()) == 2
    assert {each.state for each in kling_batch.state(bench.campaign()).jobs.values()} == {State.DONE}


def test_a_key_with_commas_is_a_key_in_a_file_too(command: Command, bench: Bench, folder: Path) -> None:
    edit(bench, "n: [n0, n1]", "n: [n0], m: [a]")
    (folder / "tasks.txt").write_text("hero/m=a,n=n0#1,tsk_7\n")

    assert command("import", "m.yaml", "--file", "tasks.txt").code == 0
    assert record(bench, "hero/m=a,n=n0#1").task == "tsk_7"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["hero/n=n0#1"], "say what is to be taken in"),
        ([], "say what is to be taken in"),
        (["hero/n=n0#1", "tsk_9", "--video", "x.mp4"], "say what is to be taken in"),
        (["hero", "tsk_9"], "is not one job's whole key"),
        (["hreo", "tsk_9"], "did you mean `hero`?"),
        (["hero/n=n0#1", "no task"], "is no task id"),
        (["--file", "twice.txt"], "`tsk_9` is named twice"),
        (["--file", "short.txt"], "short.txt:2: this is not `KEY TASK`"),
        (["--file", "missing.txt"], "cannot be read as text"),
        (["hero/n=n0#1", "--video", "missing.mp4"], "cannot be read"),
        (["hero/n=n0#1", "--video", "twice.txt"], "is no whole MP4"),
    ],
)
def test_import_says_what_is_wrong_and_takes_in_nothing(
    command: Command, bench: Bench, folder: Path, words: list[str], why: str
) -> None:
    bench.run(limit=0)
    (folder / "twice.txt").write_text("hero/n=n0#1 tsk_9\nhero/n=n1#1 tsk_9\n")
    (folder / "short.txt").write_text("hero/n=n0#1 tsk_9\nhero/n=n1#1\n")
    before = (folder / "m.lock.json").read_bytes()

    said = command("import", "m.yaml", *words)

    assert said.code == 2
    assert why in said.err
    assert (folder / "m.lock.json").read_bytes() == before


def test_a_task_is_one_jobs_and_a_job_with_a_video_takes_none(command: Command, done: Bench) -> None:
    task = str(record(done, "hero/n=n1#1").task)
    command("redo", "m.yaml", "hero/n=n0")

    taken = command("import", "m.yaml", "hero/n=n0#1", task)
    has_one = command("import", "m.yaml", "hero/n=n1#1", "tsk_9")
    same = command("import", "m.yaml", "hero/n=n1#1", task)

    assert (taken.code, has_one.code, same.code) == (2, 2, 0)
    assert "which is that of `hero/n=n1#1`" in taken.err
    assert "has a video; `redo` asks for another" in has_one.err


def test_a_task_whose_video_came_damaged_is_fetched_again_and_not_bought(command: Command, bench: Bench) -> None:
    bench.service.trouble = lambda operation, _name: "damaged" if operation == "download" else ""
    bench.run()
    failed = record(bench, "hero/n=n0#1")

    planned = command("plan", "m.yaml")
    said = command("import", "m.yaml", "hero/n=n0#1", str(failed.task))
    bench.service.trouble = lambda _operation, _name: ""
    bench.run()

    assert "kept as `hero/n0-t1.mp4.suspect`" in planned.out
    assert (said.code, failed.state, record(bench, "hero/n=n0#1").state) == (0, State.FAILED, State.DONE)
    assert set(bench.charges().values()) == {1}


def test_an_imported_video_is_copied_checked_and_done_without_a_task(
    command: Command, done: Bench, folder: Path
) -> None:
    mine = folder / "mine.mp4"
    mine.write_bytes((folder / "out/hero/n1-t1.mp4").read_bytes())
    old = (folder / "out/hero/n0-t1.mp4").read_bytes()
    command("redo", "m.yaml", "hero/n=n0")

    said = command("import", "m.yaml", "hero/n=n0#1", "--video", "mine.mp4")
    outcome = done.run()

    assert (said.code, outcome.exit_code) == (0, 0)
    made = record(done, "hero/n=n0#1")
    assert (made.state, made.task, made.spent, made.generation) == (State.DONE, None, None, 2)
    assert (folder / "out/hero/n0-t1.mp4").read_bytes() == mine.read_bytes()
    [beside] = (folder / "out/hero").glob("n0-t1~*.mp4")
    assert beside.read_bytes() == old
    assert json.loads((folder / "out/hero/n0-t1.mp4.json").read_text())["service"] == done.campaign().service
    assert sum(done.charges().values()) == 2


def test_an_imported_video_never_overwrites_what_nobody_knows(command: Command, bench: Bench, folder: Path) -> None:
    bench.run(only=["hero/n=n1"])
    stranger = folder / "out/hero/n0-t1.mp4"
    stranger.write_bytes(b"somebody's")

    said = command("import", "m.yaml", "hero/n=n0#1", "--video", "out/hero/n1-t1.mp4")

    assert said.code == 2
    assert "a file that is not of this job lies at `hero/n0-t1.mp4`" in said.err
    assert stranger.read_bytes() == b"somebody's"


def test_a_video_that_lies_in_its_place_already_is_taken_as_it_is(command: Command, done: Bench, folder: Path) -> None:
    beside = (folder / "out/hero/n0-t1.mp4.json").read_bytes()
    command("forget", "m.yaml", "hero/n=n0", "--yes")

    said = command("import", "m.yaml", "hero/n=n0#1", "--video", "out/hero/n0-t1.mp4")

    assert said.code == 0
    assert record(done, "hero/n=n0#1").state is State.DONE
    assert (folder / "out/hero/n0-t1.mp4.json").read_bytes() == beside


def superseded(bench: Bench, command: Command) -> Path:
    command("redo", "m.yaml", "hero/n=n0")
    bench.run()
    [beside] = (bench.folder / "out/hero").glob("n0-t1~*.mp4")
    return beside


def test_prune_is_a_dry_run_unless_it_is_told_otherwise(command: Command, done: Bench) -> None:
    beside = superseded(done, command)

    said = command("prune", "m.yaml")
    told = json.loads(command("prune", "m.yaml", "--json").out)

    assert "1 file, " in said.out
    assert "would go to .kling-batch/trash; `--yes` moves them" in said.out
    assert [each["output"] for each in told["files"]] == [f"hero/{beside.name}"]
    assert beside.exists()


def test_prune_moves_superseded_files_and_those_of_orphans_and_no_result(
    command: Command, done: Bench, folder: Path
) -> None:
    beside = superseded(done, command)
    edit(done, "n0, n1", "n0, n2")
    results = (folder / "out/hero/n0-t1.mp4").read_bytes()

    said = command("prune", "m.yaml", "--yes")
    again = command("prune", "m.yaml", "--yes")

    assert "moved 2 files, " in said.out
    assert again.out.startswith("nothing to prune")
    assert not beside.exists()
    assert not (folder / "out/hero/n1-t1.mp4").exists()
    assert len(list((folder / ".kling-batch/trash/hero").glob("*.mp4"))) == 2
    assert len(list((folder / ".kling-batch/trash/hero").glob("*.mp4.json"))) == 2
    assert (folder / "out/hero/n0-t1.mp4").read_bytes() == results
    assert record(done, "hero/n=n0#1").past[0].output is None
    assert kling_batch.plan(done.campaign()).spent == 3 * record(done, "hero/n=n0#1").spent  # type: ignore[operator]  # bought


def test_prune_takes_only_the_leftovers_of_jobs_that_are_meant(command: Command, done: Bench, folder: Path) -> None:
    command("redo", "m.yaml", "hero")
    done.run()

    said = json.loads(command("prune", "m.yaml", "--where", "n == 'n1'", "--yes", "--json").out)
    stray = command("prune", "m.yaml", "hreo")

    assert [each["key"] for each in said["files"]] == ["hero/n=n1#1"]
    assert [path.name[:5] for path in (folder / "out/hero").glob("*~*.mp4")] == ["n0-t1"]
    assert (stray.code, "did you mean `hero`?" in stray.err) == (2, True)


def test_prune_goes_over_several_manifests(command: Command, done: Bench, folder: Path) -> None:
    beside = superseded(done, command)
    (folder / "other.yaml").write_text(done.manifest.read_text().replace("root: out", "root: other"))

    said = command("prune", "m.yaml", "other.yaml")
    told = json.loads(command("prune", ".", "--yes", "--json").out)["manifests"]

    assert said.out.startswith("m.yaml\n\n")
    assert "\nother.yaml\n\nnothing to prune" in said.out
    assert [(each["manifest"], each["pruned"], len(each["files"])) for each in told] == [
        ("m.yaml", True, 1),
        ("other.yaml", True, 0),
        ("spring.yaml", True, 0),
    ]
    assert not beside.exists()


def test_prune_leaves_a_file_alone_that_is_not_what_the_lock_knows(command: Command, done: Bench) -> None:
    beside = superseded(done, command)
    beside.write_bytes(b"graded by hand")

    said = command("prune", "m.yaml", "--yes")

    assert beside.read_bytes() == b"graded by hand"
    assert f"hero/{beside.name} is not the file that the lock knows, and stays" in said.err


def test_prune_follows_no_link_and_goes_on_with_the_rest(command: Command, done: Bench, folder: Path) -> None:
    command("redo", "m.yaml", "hero")
    done.run()
    linked, plain = sorted((folder / "out/hero").glob("*~*.mp4"))
    linked.rename(folder / "elsewhere.mp4")
    linked.symlink_to(folder / "elsewhere.mp4")

    said = command("prune", "m.yaml", "--yes")

    assert said.code == 0
    assert linked.is_symlink()
    assert (folder / "elsewhere.mp4").exists()
    assert not plain.exists()
    assert f"hero/{linked.name} is not the file that the lock knows, and stays" in said.err


def test_prune_keeps_what_a_draw_that_waits_has_to_show_and_what_would_be_restored(
    command: Command, done: Bench
) -> None:
    edit(done, "a cup", "a mug")
    done.run()
    edit(done, "a mug", "a cup")

    assert command("prune", "m.yaml").out.startswith("nothing to prune")

    edit(done, "a cup", "a mug")
    command("redo", "m.yaml", "hero")
    found = json.loads(command("prune", "m.yaml", "--json").out)["files"]

    assert all("~" in each["output"] for each in found)
    assert len(found) == 2


def test_prune_keeps_what_another_manifest_has_as_its_result(command: Command, done: Bench, folder: Path) -> None:
    (folder / "other.yaml").write_text(done.manifest.read_text())
    (folder / "other.lock.json").write_bytes((folder / "m.lock.json").read_bytes())
    edit(done, "n0, n1", "n1")

    said = command("prune", "m.yaml", "--yes")

    assert said.out.startswith("nothing to prune")
    assert (folder / "out/hero/n0-t1.mp4").exists()


def test_a_prune_that_was_killed_between_file_and_fact_is_told_by_the_next(
    command: Command, done: Bench, folder: Path
) -> None:
    beside = superseded(done, command)
    trash = folder / ".kling-batch/trash/hero"
    trash.mkdir(parents=True)
    beside.rename(trash / beside.name)

    command("prune", "m.yaml", "--yes")

    assert record(done, "hero/n=n0#1").past[0].output is None
    assert (trash / beside.name).exists()


def test_what_lies_on_another_disk_is_copied_to_the_trash_before_it_goes(command: Command, folder: Path) -> None:
    other = Path("/dev/shm")  # noqa: S108 - the one other file system that most machines have
    if not other.is_dir() or other.stat().st_dev == folder.stat().st_dev:
        pytest.skip("there is no other file system here")
    with TemporaryDirectory(dir=other) as root:
        options = ("spring.yaml", "--sandbox", "--output-root", root)
        run = ("run", *options, "--yes", "--speed", "2000", "hero/lang=de")
        assert command(*run).code == 0
        command("redo", *options, "hero/lang=de")
        assert command(*run).code == 0

        command("prune", *options, "--yes")

        assert [path for path in Path(root).rglob("*.mp4") if "~" in path.name] == []
        assert len(list((folder / ".kling-batch/trash").rglob("*~*.mp4"))) == 1


def test_a_prune_finds_the_same_content_in_the_trash_and_keeps_one(command: Command, done: Bench, folder: Path) -> None:
    beside = superseded(done, command)
    trash = folder / ".kling-batch/trash/hero"
    trash.mkdir(parents=True)
    (trash / beside.name).write_bytes(beside.read_bytes())

    assert command("prune", "m.yaml", "--yes").code == 0

    assert not beside.exists()
    assert (trash / beside.name).exists()
