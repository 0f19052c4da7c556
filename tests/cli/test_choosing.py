"""Which manifests and jobs a command line means, in verbs that need no network."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
MANIFEST = """\
version: 1
project: {name}
run: {{poll: {{first: 0.1s, every: 1s}}}}
shots:
  hero:
    matrix: {{lang: [de, en, fr], ratio: [16:9, 9:16]}}
    takes: 2
    request: {{prompt: "{name} in {{{{ lang }}}}", aspect_ratio: "{{{{ ratio }}}}"}}
  pour:
    request: {{prompt: "{name} pours", mode: pro}}
profiles:
  draft: {{request: {{mode: std}}, takes: 1}}
"""


@pytest.fixture
def films(folder: Path) -> Path:
    """A folder of two manifests, their shared defaults, and YAML that is something else."""
    (folder / "films").mkdir()
    for name in ("autumn", "winter"):
        (folder / f"films/{name}.yaml").write_text(MANIFEST.format(name=name))
    (folder / "films/shared.yaml").write_text("vars: {brand: Aurora}\n")
    (folder / "films/notes.txt").write_text("project: none")
    return folder / "films"


def keys(command: Command, *words: str) -> list[str]:
    said = command("plan", *words, "--json")
    assert said.code == 0, said.err
    return [change["key"] for change in json.loads(said.out)["changes"]]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ([], 13),
        (["hero/lang=de*"], 4),
        (["--where", "lang == 'de' and take == 1"], 2),
        (["hero", "--where", "ratio == '9:16'"], 6),
        (["--exclude", "hero"], 1),
        (["--exclude", "*ratio=9x16*", "--exclude", "pour"], 6),
        (["--sample", "3"], 3),
        (["--sample", "2", "--by", "shot"], 3),
        (["--state", "pending"], 13),
        (["--state", "done"], 0),
    ],
)
def test_a_command_line_says_which_jobs(command: Command, films: Path, words: list[str], count: int) -> None:
    assert len(keys(command, f"{films}/autumn.yaml", *words)) == count


def test_the_shards_are_all_jobs_each_once(command: Command, films: Path) -> None:
    shards = [keys(command, f"{films}/autumn.yaml", "--shard", f"{number}/3") for number in (1, 2, 3)]

    together = [key for shard in shards for key in shard]
    assert len(together) == 13
    assert sorted(together) == sorted(keys(command, f"{films}/autumn.yaml"))


@pytest.mark.parametrize("verb", ["plan", "status", "render", "refresh"])
def test_every_reading_verb_chooses_alike(command: Command, films: Path, verb: str) -> None:
    said = command(verb, f"{films}/autumn.yaml", "--where", "lang == 'de'", "--exclude", "*#2", "--sandbox", "--json")

    assert said.code == 0
    assert verb == "refresh" or said.out.count('"key": "hero/lang=de') == 2
    assert '"key": "hero/lang=en' not in said.out


def test_a_wrong_expression_is_shown_with_a_caret(command: Command, films: Path, golden: Callable) -> None:
    said = command("run", f"{films}/autumn.yaml", "--sandbox", "--where", "lang == 'de' and lagn == 1")

    assert (said.code, said.out) == (2, "")
    golden("error-where.txt", said.err)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--shard", "0/3"], "a share such as 2/8"),
        (["--shard", "4/3"], "a share such as 2/8"),
        (["--shard", "half"], "a share such as 2/8"),
        (["--by", "shot"], "add `--sample N`"),
        (["--sample", "-1"], "--sample"),
        (["--exclude", "heor"], "did you mean `hero`?"),
        (["--profile", "darft"], "did you mean `draft`?"),
        (["--state", "finished"], "--state"),
    ],
)
def test_a_slip_of_the_pen_is_told(command: Command, films: Path, words: list[str], says: str) -> None:
    said = command("plan", f"{films}/autumn.yaml", *words)

    assert (said.code, said.out) == (2, "")
    assert says in said.err


def test_a_folder_means_the_manifests_in_it(command: Command, films: Path) -> None:
    told = json.loads(command("plan", "films", "--json").out)

    assert [each["manifest"] for each in told["manifests"]] == ["films/autumn.yaml", "films/winter.yaml"]
    assert told["counts"] == {"create": 26}
    assert told["usd"] == "5.041"
    assert command("validate", "films").out == "ok: 26 jobs, 4 shots\n"
    assert films.is_dir()


def test_several_plans_are_told_under_their_names_and_together(command: Command, films: Path) -> None:
    text = command("plan", "films/autumn.yaml", "films/winter.yaml", "pour").out
    mark = command("plan", "films", "--format", "md").out
    rows = list(csv.DictReader(io.StringIO(command("plan", "films", "--format", "csv").out)))

    assert text.startswith("films/autumn.yaml\n\npour\n")
    assert "\nfilms/winter.yaml\n" in text
    assert text.splitlines()[-1].startswith("together: Plan: 2 to create")
    assert mark.startswith("**Together: Plan: 26 to create")
    assert [row["manifest"] for row in rows] == ["films/autumn.yaml"] * 13 + ["films/winter.yaml"] * 13
    assert films.is_dir()


def test_several_manifests_are_rendered_and_told_of_with_their_names(command: Command, films: Path) -> None:
    jobs = json.loads(command("render", "films", "pour", "--json").out)
    rows = list(csv.DictReader(io.StringIO(command("render", "films", "--format", "csv").out)))
    status = json.loads(command("status", "films", "--json").out)
    text = command("status", "films").out

    assert [job["manifest"] for job in jobs] == ["films/autumn.yaml", "films/winter.yaml"]
    assert len(rows) == 26
    assert [each["counts"] for each in status["manifests"]] == [{"pending": 13}] * 2
    assert status["usd"]["left"] == "5.041"
    assert "films/winter.yaml\n" in text
    assert films.is_dir()


def test_a_manifest_named_twice_counts_once(command: Command, films: Path) -> None:
    assert len(keys(command, "films/autumn.yaml", "films/autumn.yaml")) == 13
    assert films.is_dir()


def test_a_folder_without_manifests_is_told(command: Command, folder: Path) -> None:
    (folder / "empty").mkdir()

    said = command("plan", "empty")

    assert said.code == 2
    assert "holds no manifest" in said.err


def test_mistakes_of_all_manifests_are_told_at_once(command: Command, films: Path) -> None:
    for name in ("autumn", "winter"):
        (films / f"{name}.yaml").write_text(MANIFEST.format(name=name).replace("mode: pro", "mode: best"))

    said = command("plan", "films")

    assert said.code == 2
    assert "films/autumn.yaml" in said.err
    assert "films/winter.yaml" in said.err


def test_one_folder_is_not_for_several_manifests(command: Command, films: Path) -> None:
    said = command("plan", "films", "--output-root", "out")

    assert said.code == 2
    assert "`--output-root` is for one manifest" in said.err
    assert films.is_dir()


RUN = ("--sandbox", "--yes", "--speed", "2000")


def test_several_manifests_run_on_one_budget(command: Command, films: Path) -> None:
    first = command("run", "films", "pour", "--budget", "0.50", *RUN)
    second = command("run", "films", "pour", "--limit", "1", *RUN)
    third = command("run", "films", "pour", *RUN)

    assert first.code == 5
    assert first.out.count("made 1 video in") == 1
    assert second.code == 0
    assert third.code == 0
    assert len(list(films.rglob("*.mp4"))) == 2


def test_a_limit_counts_over_all_manifests(command: Command, films: Path) -> None:
    said = command("run", "films", "hero/lang=de*", "--limit", "5", *RUN)

    assert said.code == 5
    assert len(list(films.rglob("*.mp4"))) == 5


def test_the_gravest_code_of_several_runs_counts(command: Command, films: Path) -> None:
    rules = [{"on": "submit", "when": {"prompt": "autumn"}, "do": {"task": {"message": "violates the content policy"}}}]
    Path("faults.json").write_text(json.dumps({"seed": 1, "rules": rules}))

    said = command("run", "films", "pour", "--scenario", "faults.json", *RUN)

    assert said.code == 4
    assert len(list(films.rglob("winter*/**/*.mp4"))) == 1


def test_each_profile_is_a_campaign_of_its_own(command: Command, films: Path) -> None:
    draft = command("run", "films/autumn.yaml", "--profile", "draft", *RUN)
    plain = json.loads(command("plan", "films/autumn.yaml", "--sandbox", "--json").out)
    again = command("plan", "films/autumn.yaml", "--profile", "draft", "--sandbox", "--exit-code")

    lock = json.loads((films / "autumn.draft.sandbox.lock.json").read_text())
    assert draft.code == 0
    assert lock["project"] == "autumn.draft"
    assert len(lock["jobs"]) == 7
    assert len(list((films / "outputs/autumn.draft.sandbox").rglob("*.mp4"))) == 7
    assert plain["counts"] == {"create": 13}
    assert again.code == 0
    assert not (films / "autumn.sandbox.lock.json").exists()


def test_the_pretended_service_of_each_profile_has_a_memory_of_its_own(command: Command, films: Path) -> None:
    for profile in ("draft", ""):
        assert command("run", "films/autumn.yaml", "pour", "--profile", profile, *RUN).code == 0

    remembered = {path.name for path in (films / ".kling-batch").glob("*.state.jsonl")}
    assert remembered == {"autumn.draft.sandbox.state.jsonl", "autumn.sandbox.state.jsonl"}


def test_the_command_that_goes_on_names_the_profile(command: Command, films: Path) -> None:
    said = command("run", "films/autumn.yaml", "--profile", "draft", "--limit", "1", *RUN)

    assert "kling-batch run films/autumn.yaml --profile draft --sandbox" in said.out
    assert films.is_dir()


def test_a_mistake_in_shared_defaults_is_shown_in_their_file(command: Command, films: Path) -> None:
    (films / "autumn.yaml").write_text("extends: shared.yaml\n" + MANIFEST.format(name="autumn"))
    (films / "shared.yaml").write_text("request: {duration: 7}\n")

    said = command("validate", "films/autumn.yaml", "--format", "concise")

    assert said.code == 2
    assert said.err.startswith("films/shared.yaml:1:21: error[")


def test_validate_speaks_sarif(command: Command, films: Path) -> None:
    (films / "winter.yaml").write_text(MANIFEST.format(name="winter").replace("mode: pro", "mode: best"))

    said = command("validate", "films", "--format", "sarif")

    told = json.loads(said.out)["runs"][0]
    assert said.code == 2
    assert [each["ruleId"] for each in told["results"]] == ["unknown-value"]
    assert told["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "films/winter.yaml"


def test_status_speaks_junit_and_csv(command: Command, films: Path) -> None:
    suites = ET.fromstring(command("status", "films", "--format", "junit").out)  # noqa: S314 - our own text
    rows = list(csv.DictReader(io.StringIO(command("status", "films", "--format", "csv").out)))

    assert [suite.get("skipped") for suite in suites] == ["13", "13"]
    assert {(row["manifest"], row["state"]) for row in rows} == {
        ("films/autumn.yaml", "pending"),
        ("films/winter.yaml", "pending"),
    }
    assert films.is_dir()


def test_files_of_several_manifests_are_verified_and_refreshed(command: Command, films: Path) -> None:
    command("run", "films", "pour", *RUN)
    good = command("verify", "films", "--sandbox", "--where", "shot == 'pour'")
    next(films.rglob("winter*/**/*.mp4")).unlink()
    bad = json.loads(command("verify", "films", "pour", "--sandbox", "--json").out)
    code = command("verify", "films", "pour", "--sandbox").code
    refreshed = command("refresh", "films", "pour", "--sandbox")

    assert good.code == 0
    assert good.out.count("1 file: 1 as they were made") == 2
    assert [each["counts"] for each in bad["manifests"]] == [{"sound": 1}, {"missing": 1}]
    assert (code, refreshed.code) == (9, 0)


def test_the_events_of_several_manifests_say_whose_they_are(command: Command, films: Path) -> None:
    said = command("run", "films", "pour", "--json", *RUN)

    told = [json.loads(line) for line in said.out.splitlines()]
    named = [each["manifest"] for each in told if each["event"] == "manifest"]
    ended = [at for at, each in enumerate(told) if each["event"] == "ended"]
    assert named == ["films/autumn.yaml", "films/winter.yaml"]
    assert len(ended) == 2
    assert ended[0] < told.index({"event": "manifest", "manifest": "films/winter.yaml"}) < ended[1]
    assert films.is_dir()
