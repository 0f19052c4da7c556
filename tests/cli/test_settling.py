"""The verbs that settle what earlier runs left open, against the real sandbox on loopback."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
Golden = Callable[[str, str], None]
RUN = ("run", "spring.yaml", "--sandbox", "--yes", "--speed", "2000")
REFRESH = ("refresh", "spring.yaml", "--sandbox", "--speed", "2000")
KEY = "hero/lang=en#1"
DOUBT = {
    "service": {"business_ids": "ignored"},
    "rules": [{"on": "submit", "when": {"nth": 2}, "do": {"drop": "handled"}}],
}


def status(command: Command) -> dict[str, dict[str, str]]:
    told = json.loads(command("status", "spring.yaml", "--sandbox", "--json").out)
    return {job["key"]: job for job in [*told["jobs"], *told["orphans"]]}


@pytest.fixture
def unsure(command: Command, folder: Path) -> str:
    """What a run said that left the second job unsure."""
    manifest = folder / "spring.yaml"
    manifest.write_text(manifest.read_text().replace("run: {", "run: {settle: 1s, posts: 1, "))
    (folder / "doubt.json").write_text(json.dumps(DOUBT))
    said = command(*RUN, "--scenario", "doubt.json")
    assert said.code == 6
    return str(said.out)


@pytest.fixture
def under_way(command: Command, folder: Path) -> None:
    """Both jobs submitted, and given up on by their run before they were made."""
    manifest = folder / "spring.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace("run: {", "run: {deadline: 1s, "))
    rules = [{"on": "submit", "do": {"task": {"seconds": 3}}}]
    (folder / "slow.json").write_text(json.dumps({"rules": rules}))
    said = command(*RUN, "--scenario", "slow.json")
    assert said.code == 5
    assert "to collect them, which pays for nothing:\n    kling-batch refresh spring.yaml --sandbox\n" in said.out
    manifest.write_text(text)


@pytest.mark.parametrize("verb", ["refresh", "resolve"])
def test_help_ends_with_an_example(command: Command, golden: Golden, verb: str) -> None:
    said = command(verb, "--help")

    assert said.code == 0
    golden(f"help-{verb}.txt", "\n".join(line.rstrip() for line in said.out.splitlines()) + "\n")


def test_a_refresh_of_nothing_needs_no_key_and_makes_no_request(command: Command, folder: Path) -> None:
    said = command("refresh", "spring.yaml")

    assert (said.code, said.out) == (0, "Refresh: nothing is under way at the service.\n")
    assert not list(folder.glob("*.lock.json"))


@pytest.mark.usefixtures("under_way")
def test_a_refresh_collects_what_is_under_way_and_buys_nothing(command: Command) -> None:
    said = command(*REFRESH)

    assert said.code == 0
    assert "Refresh: 2 jobs to look at. Nothing is submitted." in said.out
    assert "made 2 videos" in said.out
    assert {job["state"] for job in status(command).values()} == {"done"}


@pytest.mark.usefixtures("under_way")
def test_a_refresh_tells_events_as_a_run_does(command: Command) -> None:
    said = command(*REFRESH, "--json")

    events = [json.loads(line) for line in said.out.splitlines()]
    assert [events[0]["event"], events[-1]["event"], events[-1]["exit_code"]] == ["version", "ended", 0]
    assert "intended" not in {each["event"] for each in events}


@pytest.mark.usefixtures("under_way")
def test_a_refresh_of_some_jobs_collects_only_those_and_knows_orphans_by_name(command: Command, folder: Path) -> None:
    manifest = folder / "spring.yaml"
    manifest.write_text(manifest.read_text().replace("[de, en]", "[de]"))

    said = command(*REFRESH, KEY)

    assert said.code == 0
    assert {key: job["state"] for key, job in status(command).items()} == {"hero/lang=de#1": "submitted", KEY: "done"}


def test_a_selector_and_an_expression_may_mean_no_job_together(command: Command) -> None:
    said = command("refresh", "spring.yaml", "hero/lang=de", "--where", "lang == 'en'")

    assert (said.code, said.out) == (0, "Refresh: nothing is under way at the service.\n")


@pytest.mark.usefixtures("under_way")
def test_a_refresh_of_something_needs_a_key(command: Command, folder: Path) -> None:
    lock = (folder / "spring.sandbox.lock.json").read_text()
    (folder / "spring.lock.json").write_text(lock.replace('"service":"sandbox"', '"service":"https://toapis.com"'))

    said = command("refresh", "spring.yaml")

    assert said.code == 2
    assert "`TOAPIS_API_KEY` is not set" in said.err


def test_options_of_the_sandbox_are_refused_without_it(command: Command) -> None:
    assert command("refresh", "spring.yaml", "--speed", "9").code == 2


def test_the_commands_that_a_run_names_are_those_that_settle_it(command: Command, unsure: str) -> None:
    named = next(line.strip() for line in unsure.splitlines() if line.endswith("--abandon"))

    assert named == f"kling-batch resolve spring.yaml '{KEY}' --sandbox --abandon"
    said = command("resolve", "spring.yaml", KEY, "--sandbox", "--abandon")

    assert said.code == 0
    assert said.out.startswith(f"{KEY}  is given up, and counts as spent: $0.184\n")
    assert status(command)[KEY]["state"] == "lost"
    assert command(*RUN).code == 6


@pytest.mark.usefixtures("unsure")
def test_a_task_that_a_person_found_is_adopted_and_collected(command: Command, folder: Path) -> None:
    known = {job["task"] for job in status(command).values()}
    remembered = (folder / ".kling-batch/spring.sandbox.state.jsonl").read_text()
    (task,) = set(re.findall(r"tsk_vid_[0-9A-Z]+", remembered)) - known

    said = command("resolve", "spring.yaml", KEY, "--sandbox", "--adopt", task, "--json")
    collected = command(*REFRESH)

    assert json.loads(said.out)["settled"][0] | {"business_id": ""} == {
        "key": KEY,
        "choice": "adopt",
        "state": "submitted",
        "task": task,
        "business_id": "",
        "usd": "0.184",
    }
    assert collected.code == 0
    assert status(command)[KEY]["state"] == "done"


@pytest.mark.usefixtures("unsure")
def test_what_may_be_paid_twice_is_asked_about_with_its_price(command: Command) -> None:
    asked = command("resolve", "spring.yaml", KEY, "--sandbox", "--resubmit")
    before = status(command)[KEY]["state"]
    said = command("resolve", "spring.yaml", KEY, "--sandbox", "--resubmit", "--yes")
    bought = command(*RUN)

    assert (asked.code, before) == (2, "unsure")
    assert "nobody is there to be asked, so nothing was changed" in asked.err
    assert said.code == 0
    assert "kling-batch run spring.yaml --sandbox" in said.out
    assert bought.code == 0


@pytest.mark.usefixtures("unsure")
@pytest.mark.parametrize("words", [(), ("--abandon", "--resubmit"), ("--adopt", "tsk_1", "--abandon")])
def test_exactly_one_of_three_is_chosen(command: Command, words: tuple[str, ...]) -> None:
    said = command("resolve", "spring.yaml", KEY, "--sandbox", *words)

    assert said.code == 2
    assert "exactly one of" in said.err


@pytest.mark.usefixtures("unsure")
@pytest.mark.parametrize(
    ("selector", "told"), [("hero/lang=de", "hero/lang=de#1 is done"), ("herp", "did you mean `hero`?")]
)
def test_a_selector_that_means_no_unsure_job_is_told_what_it_means(command: Command, selector: str, told: str) -> None:
    said = command("resolve", "spring.yaml", selector, "--sandbox", "--abandon")

    assert said.code == 2
    assert told in said.err


@pytest.mark.usefixtures("unsure")
def test_the_unsure_jobs_of_several_manifests_are_settled_at_once(command: Command, folder: Path) -> None:
    (folder / "autumn.yaml").write_text((folder / "spring.yaml").read_text().replace("spring", "autumn"))

    nothing = command("resolve", ".", "--sandbox", "--abandon")
    said = json.loads(command("resolve", ".", "--state", "unsure", "--sandbox", "--abandon", "--json").out)
    again = command("resolve", ".", "--state", "unsure", "--sandbox", "--abandon")

    assert (nothing.code, "say which jobs" in nothing.err) == (2, True)
    assert [(each["manifest"], [job["key"] for job in each["settled"]]) for each in said["manifests"]] == [
        ("autumn.yaml", []),
        ("spring.yaml", [KEY]),
    ]
    assert status(command)[KEY]["state"] == "lost"
    assert (again.code, "nothing was changed" in again.err) == (2, True)
