"""A plan in a file: carried out exactly, or refused by name."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kling_batch.plan.saved import Saved, SavedPlan, format_saved, parse_saved

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
FAST = ("--speed", "2000")


def made(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.rglob("*.mp4"))


def test_a_saved_plan_is_carried_out_without_asking(command: Command, folder: Path) -> None:
    saved = command("plan", "spring.yaml", "hero/lang=de", "--sandbox", "-o", "plans/spring.plan")
    (folder / "plans").mkdir()
    kept = command("plan", "spring.yaml", "hero/lang=de", "--sandbox", "-o", "plans/spring.plan")
    ran = command("run", "plans/spring.plan", *FAST)
    again = command("run", "plans/spring.plan", *FAST)

    assert saved.code == 2
    assert "cannot write" in saved.err
    assert kept.code == 0
    assert "`kling-batch run plans/spring.plan` does exactly this" in kept.err
    assert ran.code == 0, ran.err
    assert made(folder) == ["de-t1"]
    assert again.code == 6
    assert "`hero/lang=de#1` has another record since the plan was made; nothing was sent" in again.err


def test_a_saved_plan_says_what_it_was_made_from(command: Command, folder: Path) -> None:
    command("plan", "spring.yaml", "--var", "brand=Nova", "-o", "spring.plan")

    told = json.loads((folder / "spring.plan").read_text())
    change = told["plans"][0]["changes"][0]
    assert told["kling_batch_plan"] == 1
    assert told["plans"][0]["manifest"] == "spring.yaml"
    assert told["plans"][0]["lock"] == {"project": "spring", "service": "https://toapis.com"}
    assert (change["key"], change["action"], change["usd"]) == ("hero/lang=de#1", "create", "0.184")
    assert (change["generation"], change["attempt"], change["record"]) == (1, 1, None)
    assert change["spec"].startswith("v1:")
    assert str(folder) not in (folder / "spring.plan").read_text()


def test_variables_and_profile_come_back_with_the_plan(command: Command, folder: Path) -> None:
    with (folder / "spring.yaml").open("a") as file:
        file.write("profiles: {draft: {request: {duration: 5}}}\n")
    command("plan", "spring.yaml", "--var", "brand=Nova", "--profile", "draft", "--sandbox", "-o", "a.plan")

    ran = command("run", "a.plan", *FAST)

    beside = json.loads((folder / "outputs/spring.draft.sandbox/hero/de-t1.mp4.json").read_text())
    assert ran.code == 0
    assert beside["request"]["prompt"] == "Nova in de"


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (("in {{ lang }}", "of {{ lang }}"), "`hero/lang=de#1` asks for something else; `hero/lang=en#1` asks for"),
        (("[de, en]", "[en, fr]"), "`hero/lang=de#1` is gone"),
        (("vars:", "prices: [{usd_per_second: 1}]\nvars:"), "`hero/lang=de#1` costs 5, not 0.184"),
        (("project: spring", "project: summer"), "was made for `spring` on `sandbox`"),
    ],
)
def test_an_edit_since_then_is_refused_before_anything_is_sent(
    command: Command, folder: Path, edit: tuple[str, str], says: str
) -> None:
    command("plan", "spring.yaml", "--sandbox", "-o", "spring.plan")
    (folder / "spring.yaml").write_text((folder / "spring.yaml").read_text().replace(*edit))

    said = command("run", "spring.plan", *FAST)

    assert said.code == 2
    assert says in said.err
    assert made(folder) == []
    assert not list(folder.glob("*.lock.json"))


def test_a_job_that_came_later_is_not_made(command: Command, folder: Path) -> None:
    command("plan", "spring.yaml", "--sandbox", "-o", "spring.plan")
    (folder / "spring.yaml").write_text((folder / "spring.yaml").read_text().replace("[de, en]", "[de, en, fr]"))

    said = command("run", "spring.plan", *FAST)

    assert said.code == 0
    assert made(folder) == ["de-t1", "en-t1"]


def test_a_run_in_between_is_a_matter_of_state(command: Command, folder: Path) -> None:
    command("plan", "spring.yaml", "--sandbox", "-o", "spring.plan")
    command("run", "spring.yaml", "hero/lang=en", "--sandbox", "--yes", *FAST)

    said = command("run", "spring.plan", *FAST)

    assert said.code == 6
    assert "`hero/lang=en#1` has another record" in said.err
    assert made(folder) == ["en-t1"]


def test_a_file_in_the_way_since_then_is_refused(command: Command, folder: Path) -> None:
    command("plan", "spring.yaml", "--sandbox", "-o", "spring.plan")
    (folder / "outputs/spring.sandbox/hero").mkdir(parents=True)
    (folder / "outputs/spring.sandbox/hero/de-t1.mp4").write_bytes(b"mine")

    said = command("run", "spring.plan", *FAST)

    assert said.code == 6
    assert "`hero/lang=de#1` was to create, and is to blocked now" in said.err


@pytest.mark.parametrize(
    "word", ["hero", "--retry=rejected", "--sandbox", "--var=brand=x", "--where=true", "--only=hero"]
)
def test_a_saved_plan_takes_no_second_word(command: Command, word: str) -> None:
    command("plan", "spring.yaml", "--sandbox", "-o", "spring.plan")

    said = command("run", "spring.plan", word)

    assert said.code == 2
    assert "a saved plan is run as it is" in said.err


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"kling_batch_plan": 1', '"kling_batch_plan": 2', "version 2"),
        ('"action"', '"deed"', "does not say what a plan says"),
        ("]", "", "cut off or damaged"),
        ('"sandbox": true', '"sandbox": 3', "does not say what a plan says"),
    ],
)
def test_a_damaged_plan_is_refused(command: Command, folder: Path, old: str, new: str, says: str) -> None:
    command("plan", "spring.yaml", "--sandbox", "-o", "spring.plan")
    (folder / "spring.plan").write_text((folder / "spring.plan").read_text().replace(old, new))

    said = command("run", "spring.plan")

    assert said.code == 2
    assert says in said.err


def test_plans_of_several_manifests_are_one_file(command: Command, folder: Path) -> None:
    (folder / "autumn.yaml").write_text(
        (folder / "spring.yaml").read_text().replace("project: spring", "project: fall")
    )
    command("plan", "spring.yaml", "autumn.yaml", "--sandbox", "-o", "both.plan")

    said = command("run", "both.plan", *FAST)

    assert said.code == 0
    assert len(made(folder)) == 4


def test_a_plan_survives_its_file() -> None:
    saved = Saved(
        plans=(SavedPlan(manifest="m.yaml", project="p", service="s", output_root="out"),), retry_rejected=True
    )

    assert parse_saved(format_saved(saved)) == saved


def test_locked_buys_nothing_and_collects(command: Command, folder: Path) -> None:
    manifest = folder / "spring.yaml"
    manifest.write_text(manifest.read_text().replace("run: {", "run: {deadline: 3s, "))
    (folder / "faults.json").write_text(
        json.dumps({"seed": 1, "rules": [{"on": "look", "do": {"reply": {"status": 500, "body": "no"}}}]})
    )
    paid = command("run", "spring.yaml", "hero/lang=de", "--sandbox", "--yes", "--scenario", "faults.json", *FAST)
    refused = command("run", "spring.yaml", "--sandbox", "--yes", "--locked", *FAST)
    collected = command("run", "spring.yaml", "hero/lang=de", "--sandbox", "--yes", "--locked", *FAST)

    lock = (folder / "spring.sandbox.lock.json").read_text()
    assert paid.code == 5
    assert refused.code == 3
    assert collected.code == 0
    assert made(folder) == ["de-t1"]
    assert lock.count('"task"') == 1


def test_locked_makes_no_request_where_something_would_be_bought(command: Command, folder: Path) -> None:
    rules = [{"on": "any", "do": {"reply": {"status": 500, "body": "asked"}}}]
    (folder / "faults.json").write_text(json.dumps({"seed": 1, "rules": rules}))

    said = command("run", "spring.yaml", "--sandbox", "--yes", "--locked", "--scenario", "faults.json", *FAST)

    assert said.code == 3
    assert not list((folder / ".kling-batch").glob("*.state.jsonl"))  # the service was never begun
    assert not list(folder.glob("*.lock.json"))


def test_saving_never_overwrites_anything_but_a_plan(command: Command, folder: Path) -> None:
    before = (folder / "spring.yaml").read_bytes()

    said = command("plan", "spring.yaml", "-o", "spring.yaml")
    command("plan", "spring.yaml", "-o", "spring.plan")
    again = command("plan", "spring.yaml", "hero/lang=de", "-o", "spring.plan")

    assert said.code == 2
    assert "is there already, and no plan" in said.err
    assert (folder / "spring.yaml").read_bytes() == before
    assert again.code == 0
    assert (folder / "spring.plan").read_text().count('"key"') == 1
