"""What was picked, in every verb that has to respect it; each story on the pretended service, with its ledger."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from campaigns import Bench

import kling_batch
from kling_batch.plan.diff import Action

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import

MANIFEST = """\
version: 1
project: test
run: {in_flight: 4, submit_per_second: 50, poll: {first: 5s, every: 10s}}
output: {root: out}
shots:
  hero:
    matrix: {n: [n0, n1]}
    takes: 2
    request: {prompt: "=a cup {{ n }}"}
"""


@pytest.fixture
def bench(folder: Path) -> Bench:
    made = Bench(folder=folder)
    made.manifest.write_text(MANIFEST)
    assert made.run().exit_code == 0
    return made


def sha256(bench: Bench, key: str) -> str:
    return kling_batch.state(bench.campaign()).jobs[kling_batch.Key(key)].sha256 or ""


def pick(bench: Bench, key: str, verdict: str = "pick", video: str | None = None) -> None:
    path = bench.folder / "m.picks.yaml"
    text = path.read_text() if path.exists() else "picks:\n"
    said = {"verdict": verdict, "note": "=so", "video": sha256(bench, key)[:12] if video is None else video}
    path.write_text(f"{text}  {json.dumps(key, ensure_ascii=False)}: {json.dumps(said)}\n")


def edit_prompt(bench: Bench) -> None:
    bench.manifest.write_text(bench.manifest.read_text().replace("a cup", "a mug"))


def test_a_picked_take_is_drawn_anew_only_when_that_is_said(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#1")
    edit_prompt(bench)

    plain, anew = bench.plan(), bench.plan(redo_picked=True)
    said = command("plan", "m.yaml", "--redo-picked", "--json")

    held = [change for change in plain.changes if change.action is Action.BLOCKED]
    assert [(change.key, change.pays, change.mark) for change in held] == [("hero/n=n0#1", False, "picked")]
    assert "`--redo-picked`" in held[0].because
    assert all(change.action is Action.REDO for change in anew.changes)
    assert json.loads(said.out)["counts"] == {"redo": 4}


@pytest.mark.parametrize("is_said", [False, True])
def test_a_pick_follows_its_job_to_a_new_name(bench: Bench, command: Command, *, is_said: bool) -> None:
    pick(bench, "hero/n=n0#1")
    picks = bench.folder / "m.picks.yaml"
    before = picks.read_text()
    bench.manifest.write_text(bench.manifest.read_text().replace("hero:", "opener:"))

    if is_said:
        assert command("mv", "m.yaml", "hero", "opener").code == 0
    assert bench.run().exit_code == 0
    edit_prompt(bench)

    assert picks.read_text() == before.replace("hero/", "opener/")
    assert [change.key for change in bench.plan().changes if change.mark == "picked"] == ["opener/n=n0#1"]


def test_mv_says_of_picks_that_cannot_be_edited_and_renames_nothing(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#1")
    picks = bench.folder / "m.picks.yaml"
    picks.rename(bench.folder / "elsewhere.yaml")
    picks.symlink_to("elsewhere.yaml")
    before = (bench.folder / "m.lock.json").read_bytes()

    said = command("mv", "m.yaml", "hero", "opener")

    assert said.code == 6
    assert "`m.picks.yaml` is a symbolic link" in said.err
    assert (bench.folder / "m.lock.json").read_bytes() == before


def test_a_run_keeps_what_was_picked_and_ends_with_4(bench: Bench) -> None:
    pick(bench, "hero/n=n0#1")
    kept = sha256(bench, "hero/n=n0#1")
    edit_prompt(bench)

    outcome = bench.run()

    assert outcome.exit_code == 4
    assert sha256(bench, "hero/n=n0#1") == kept
    assert sum(bench.charges().values()) == 4 + 3


@pytest.mark.parametrize("said", [{"verdict": "reject"}, {"video": "0123456789ab"}])
def test_what_was_rejected_or_seen_long_ago_holds_nothing_back(bench: Bench, said: dict[str, str]) -> None:
    pick(bench, "hero/n=n0#1", **said)
    edit_prompt(bench)

    assert all(change.action is Action.REDO for change in bench.plan().changes)


def test_a_saved_plan_that_draws_picked_takes_anew_says_so_to_its_run(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#1")
    edit_prompt(bench)

    command("plan", "m.yaml", "--redo-picked", "-o", "plan.json")

    saved = json.loads((bench.folder / "plan.json").read_text())
    assert saved["redo_picked"] is True
    assert len(saved["plans"][0]["changes"]) == 4


def test_status_tells_verdict_and_note(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#1")
    pick(bench, "hero/n=n0#2", "reject")

    text, data = command("status", "m.yaml").out, json.loads(command("status", "m.yaml", "--json").out)
    rows = list(csv.DictReader(command("status", "m.yaml", "--format", "csv").out.splitlines()))

    assert "picked: =so" in text
    assert "rejected by a person" in text
    assert data["jobs"][0]["pick"] == {"verdict": "pick", "note": "=so", "current": True}
    assert "pick" not in data["jobs"][2]
    assert [(row["verdict"], row["note"]) for row in rows] == [("pick", "'=so"), ("reject", "'=so"), ("", ""), ("", "")]


def test_a_pick_of_a_video_that_was_replaced_is_told(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#1", video="0123456789ab")

    said, data = command("status", "m.yaml"), json.loads(command("status", "m.yaml", "--json").out)

    assert "picked, an earlier video: =so" in said.out
    assert "warning[overtaken-pick]" in said.err
    assert "`hero/n=n0#1`" in said.err
    assert data["jobs"][0]["pick"]["current"] is False


def test_a_pick_of_a_job_that_nobody_knows_is_a_warning(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n9#1", video="")

    told = [command(*words) for words in (("plan", "m.yaml"), ("status", "m.yaml"), ("plan", "m.yaml", "hero/n=n0*"))]

    assert [each.code for each in told] == [0, 0, 0]
    assert ["warning[unknown-pick]" in each.err for each in told] == [True, True, False]


def test_nothing_is_pruned_for_a_winner_that_is_not_here(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#2")
    (bench.folder / "out/hero/n0-t2.mp4").rename(bench.folder / "away.mp4")

    said = command("prune", "m.yaml", "--unpicked", "--yes")

    assert said.out.startswith("nothing to prune")
    assert (bench.folder / "out/hero/n0-t1.mp4").exists()


def test_what_was_picked_before_it_was_drawn_anew_loses_to_nobody(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#1", video="0123456789ab")
    pick(bench, "hero/n=n0#2")

    assert command("prune", "m.yaml", "--unpicked").out.startswith("nothing to prune")


def test_pruned_losers_are_not_bought_again_and_not_missed(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#2")
    pick(bench, "hero/n=n1#1", "reject")

    dry = command("prune", "m.yaml", "--unpicked").out
    there = (bench.folder / "out/hero/n0-t1.mp4").exists()
    command("prune", "m.yaml", "--unpicked", "--yes")
    again = bench.run()

    assert (there, (bench.folder / "out/hero/n0-t1.mp4").exists()) == (True, False)
    assert "`hero/n=n0#2` is picked" in dry
    assert "n1" not in dry  # nothing of it is picked: a reject alone loses no video
    assert again.exit_code == 0
    assert sum(bench.charges().values()) == 4
    assert command("verify", "m.yaml").code == 0
    (change,) = [each for each in bench.plan().changes if each.key == "hero/n=n0#1"]
    assert (change.action, change.mark) == (Action.KEEP, "pruned")


def test_without_unpicked_nothing_that_is_a_result_goes(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#2")

    assert command("prune", "m.yaml", "--yes").out.startswith("nothing to prune")


def test_an_export_holds_the_picked_files_under_clean_names_with_an_index(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#2")
    pick(bench, "hero/n=n1#1", video="ffffffffffff")

    said = command("export", "m.yaml", "--picked", "out-there")

    folder = bench.folder / "out-there"
    assert sorted(path.name for path in folder.iterdir()) == ["hero-n0-t2.mp4", "index.csv", "index.json"]
    assert (folder / "hero-n0-t2.mp4").read_bytes() == (bench.folder / "out/hero/n0-t2.mp4").read_bytes()
    (row,) = csv.DictReader((folder / "index.csv").read_text().splitlines())
    assert (row["key"], row["prompt"], row["note"], row["n"]) == ("hero/n=n0#2", "'=a cup n0", "'=so", "n0")
    (told,) = json.loads((folder / "index.json").read_text())
    assert (told["file"], told["prompt"], told["sha256"]) == (
        "hero-n0-t2.mp4",
        "=a cup n0",
        sha256(bench, "hero/n=n0#2"),
    )
    assert "left out: `hero/n=n1#1`" in said.err


def test_a_linked_export_has_the_same_file_and_a_second_one_changes_nothing(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#2")
    command("export", "m.yaml", "--picked", "there", "--link")

    again = command("export", "m.yaml", "--picked", "there", "--link")

    assert again.code == 0
    assert (bench.folder / "there/hero-n0-t2.mp4").samefile(bench.folder / "out/hero/n0-t2.mp4")


def test_an_export_never_overwrites_another_file_and_writes_nothing_then(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#1")
    pick(bench, "hero/n=n0#2")
    (bench.folder / "there").mkdir()
    (bench.folder / "there/hero-n0-t2.mp4").write_bytes(b"mine")

    said = command("export", "m.yaml", "--picked", "there")

    assert said.code == 6
    assert "another file lies at `hero-n0-t2.mp4`" in said.err
    assert [path.name for path in (bench.folder / "there").iterdir()] == ["hero-n0-t2.mp4"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("index.json", '{"name": "a site"}'), ("index.json", "[1]"), ("index.csv", "key;file\n"), ("index.csv", "")],
)
def test_an_export_replaces_no_index_of_somebody_else(bench: Bench, command: Command, name: str, content: str) -> None:
    pick(bench, "hero/n=n0#2")
    (bench.folder / "there").mkdir()
    (bench.folder / "there" / name).write_text(content)

    said = command("export", "m.yaml", "--picked", "there")

    assert said.code == 6
    assert f"another file lies at `{name}`" in said.err
    assert [path.name for path in (bench.folder / "there").iterdir()] == [name]
    assert (bench.folder / "there" / name).read_text() == content


@pytest.mark.parametrize("name", ["hero-n0-t2.mp4", "index.csv"])
def test_an_export_into_the_place_of_a_folder_is_refused(bench: Bench, command: Command, name: str) -> None:
    pick(bench, "hero/n=n0#2")
    (bench.folder / "there" / name).mkdir(parents=True)

    said = command("export", "m.yaml", "--picked", "there")

    assert said.code == 6
    assert f"another file lies at `{name}`" in said.err


def test_a_later_export_into_the_same_folder_tells_of_all_that_is_picked_now(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#2")
    command("export", "m.yaml", "--picked", "there")
    pick(bench, "hero/n=n1#1")

    said = command("export", "m.yaml", "--picked", "there")

    assert said.code == 0
    told = json.loads((bench.folder / "there/index.json").read_text())
    assert [each["file"] for each in told] == ["hero-n0-t2.mp4", "hero-n1-t1.mp4"]
    assert len((bench.folder / "there/index.csv").read_text().splitlines()) == 3


def test_what_is_not_picked_any_more_stays_in_the_folder_and_is_told(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#2")
    command("export", "m.yaml", "--picked", "there")
    (bench.folder / "m.picks.yaml").unlink()
    pick(bench, "hero/n=n1#1")

    said = command("export", "m.yaml", "--picked", "there")

    assert said.err == "not of this export, and left there: `hero-n0-t2.mp4`\n1 video in there\n"
    assert [each["file"] for each in json.loads((bench.folder / "there/index.json").read_text())] == ["hero-n1-t1.mp4"]


def test_an_export_below_the_outputs_is_in_nobodys_way(bench: Bench, command: Command) -> None:
    pick(bench, "hero/n=n0#2")

    said = [command("export", "m.yaml", "--picked", each) for each in ("out", "out/hero")]

    assert [each.code for each in said] == [0, 0]
    assert command("verify", "m.yaml").code == 0
    assert command("prune", "m.yaml", "--yes").out.startswith("nothing to prune")
    assert all(change.action is Action.KEEP for change in bench.plan().changes)


def test_a_name_that_is_too_long_for_a_disk_is_cut_and_stays_its_own(bench: Bench, command: Command) -> None:
    values = ", ".join(f"{letter}: [{'ä' * 63}]" for letter in "abc")
    text = MANIFEST.replace("matrix: {n: [n0, n1]}", f"matrix: {{{values}}}").replace(" {{ n }}", "")
    bench.manifest.write_text(text.replace("{root: out}", '{root: out, path: "{{ take }}.mp4"}'))
    bench.run()
    for change in bench.plan().changes[:2]:
        pick(bench, change.key)

    said = command("export", "m.yaml", "--picked", "there")

    names = sorted(path.name for path in (bench.folder / "there").glob("*.mp4"))
    assert (said.code, len(names)) == (0, 2)
    assert all(len(name.encode()) <= 211 for name in names)


def test_damaged_picks_are_told_and_nothing_is_sent(bench: Bench, command: Command) -> None:
    (bench.folder / "m.picks.yaml").write_text("picks:\n  hero/n=n0#1: {verdict: yes}\n")

    said = command("plan", "m.yaml")

    assert said.code == 2
    assert "m.picks.yaml:2:26" in said.err
