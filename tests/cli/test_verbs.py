"""The verbs that need no network."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
Golden = Callable[[str, str], None]
VERBS = ["init", "validate", "render", "plan", "run", "status", "review", "export", "sandbox", "schema", "completion"]


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_ends_with_an_example(command: Command, golden: Golden, verb: str) -> None:
    said = command(*verb.split(), "--help")

    assert said.code == 0
    assert (not verb) or "Example: kling-batch" in said.out or "Example: eval" in said.out
    golden(f"help-{verb or 'kling-batch'}.txt", "\n".join(line.rstrip() for line in said.out.splitlines()) + "\n")


def test_init_writes_what_validates_and_what_git_should_ignore(command: Command, folder: Path) -> None:
    said = command("init", "films/my first film.yaml")

    assert said.code == 0
    assert command("validate", "films/my first film.yaml").out == "ok: 4 jobs, 1 shot\n"
    assert (folder / "films/.gitignore").read_text().splitlines() == ["/outputs/", "*.sandbox.lock.json"]
    assert json.loads((folder / "films/kling-batch.schema.json").read_text())["$schema"]


def test_init_never_overwrites(command: Command, folder: Path) -> None:
    before = (folder / "spring.yaml").read_bytes()

    said = command("init", "spring.yaml")

    assert said.code == 2
    assert "is there already" in said.err
    assert (folder / "spring.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("output: {root: ../elsewhere}", "spring.yaml:9:16"),
        ("profiles: {far: {output: {root: /elsewhere}}}", "spring.yaml:9:33"),
    ],
)
def test_outputs_outside_the_project_are_refused_where_the_root_is_written(
    command: Command, folder: Path, written: str, place: str
) -> None:
    with (folder / "spring.yaml").open("a") as manifest:
        manifest.write(written)

    said = command("validate", "spring.yaml", "--format", "concise")

    assert said.code == 2
    assert said.err.startswith(f"{place}: error[root-outside]: ")


def test_init_keeps_what_git_ignores_already(command: Command, folder: Path) -> None:
    (folder / ".gitignore").write_text("/outputs/\nmine")

    command("init", "second.yaml")

    assert (folder / ".gitignore").read_text() == "/outputs/\nmine\n*.sandbox.lock.json\n"


@pytest.mark.parametrize("name", ["manifest", "lock"])
def test_schema_prints_a_json_schema(command: Command, name: str) -> None:
    said = command("schema", name)

    assert said.code == 0
    assert "2020-12" in json.loads(said.out)["$schema"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(command: Command, shell: str) -> None:
    assert "_KLING_BATCH_COMPLETE" in command("completion", shell).out


def test_completion_knows_the_verbs(process: Command) -> None:
    said = process(
        environment={"_KLING_BATCH_COMPLETE": "bash_complete", "COMP_WORDS": "kling-batch pl", "COMP_CWORD": "1"}
    )

    assert said.out.split() == ["plain,plan"]


def test_validate_counts_what_it_found(command: Command, folder: Path) -> None:
    (folder / "autumn.yaml").write_text((folder / "spring.yaml").read_text())

    assert command("validate", "spring.yaml").out == "ok: 2 jobs, 1 shot\n"
    assert command("validate", "spring.yaml", "autumn.yaml").out == "ok: 4 jobs, 2 shots\n"


@pytest.fixture
def broken(folder: Path) -> str:
    (folder / "broken.yaml").write_text("version: 1\nproject: p\nshots:\n  hero:\n    request: {promt: x}\n")
    return "broken.yaml"


def test_validate_tells_mistakes_in_one_line_each(command: Command, broken: str) -> None:
    said = command("validate", "spring.yaml", broken, "--format", "concise")

    assert said.code == 2
    assert said.err.startswith("broken.yaml:5:15: error[")
    assert said.out == ""


def test_validate_tells_mistakes_as_json(command: Command, broken: str) -> None:
    said = command("validate", "spring.yaml", broken, "--format", "json")

    told = json.loads(said.out)
    assert said.code == 2
    assert [each["ok"] for each in told["manifests"]] == [True, False]
    assert (told["diagnostics"][0]["line"], told["diagnostics"][0]["column"]) == (5, 15)


def test_validate_tells_mistakes_to_github(command: Command, broken: str) -> None:
    said = command("validate", broken, "--format", "github")

    assert said.code == 2
    assert said.out.startswith("::error file=broken.yaml,line=5,col=15,title=")


PROFILES = """
profiles:
  draft: {request: {prompt: "{{ brnad }}"}, takes: 2}
  final: {request: {mode: pro}}
"""


def test_validate_checks_every_profile_and_names_it(command: Command, folder: Path) -> None:
    with (folder / "spring.yaml").open("a") as manifest:
        manifest.write(PROFILES)

    every = command("validate", "spring.yaml", "--format", "concise")
    told = json.loads(command("validate", "spring.yaml", "--format", "json").out)
    sound = command("validate", "spring.yaml", "--profile", "final")

    assert every.code == 2
    assert every.err.startswith("spring.yaml:11:33: error[undefined-name]: in profile `draft`: ")
    assert every.err.endswith("\n1 mistake; nothing was sent\n")
    assert told["manifests"] == [{"manifest": "spring.yaml", "jobs": 2, "ok": False}]
    assert (sound.code, sound.out) == (0, "ok: 2 jobs, 1 shot\n")


def test_what_a_manifest_and_its_profiles_share_is_told_once(command: Command, folder: Path) -> None:
    image = "reference_images: [https://example.com/a.png]"
    (folder / "spring.yaml").write_text(
        f"version: 1\nproject: p\nshots:\n  hero: {{request: {{prompt: x, {image}}}}}\n"
        "profiles: {a: {takes: 2}, b: {takes: 3}}\n"
    )

    said = command("validate", "spring.yaml", "--format", "concise")

    assert (said.code, said.out) == (0, "ok: 1 job, 1 shot\n")
    assert len(said.err.splitlines()) == 1


def test_what_several_profiles_share_is_told_once_with_their_names(command: Command, folder: Path) -> None:
    (folder / "spring.yaml").write_text(
        "version: 1\nproject: p\nshots:\n  hero: {request: {prompt: x, mode: pro, audio: true}}\n"
        "profiles: {a: {request: {mode: std}}, b: {request: {mode: std}}}\n"
    )

    said = command("validate", "spring.yaml", "--format", "concise")

    assert said.code == 2
    assert "in profiles `a` and `b`: there is sound only with `mode: pro`" in said.err
    assert said.err.endswith("\n1 mistake; nothing was sent\n")


def test_validate_shows_warnings_and_is_content(command: Command, folder: Path) -> None:
    (folder / "spring.yaml").write_text(
        "version: 1\nproject: p\nshots:\n  hero:\n    request:\n      prompt: x\n"
        "      reference_images: [https://example.com/a.png]\n"
    )

    said = command("validate", "spring.yaml")

    assert said.code == 0
    assert "warning[" in said.err
    assert said.out == "ok: 1 job, 1 shot\n"


def test_render_prints_the_jobs_in_four_forms(command: Command) -> None:
    as_yaml = yaml.safe_load(command("render", "spring.yaml").out)
    as_json = json.loads(command("render", "spring.yaml", "--json").out)
    rows = list(csv.DictReader(io.StringIO(command("render", "spring.yaml", "--format", "csv").out)))
    curl = command("render", "spring.yaml", "hero/lang=de", "--format", "curl").out

    assert as_yaml == as_json
    assert [job["key"] for job in as_json] == ["hero/lang=de#1", "hero/lang=en#1"]
    assert as_json[0]["request"]["prompt"] == "Aurora in de"
    assert as_json[0]["usd"] == "0.184"
    assert [row["lang"] for row in rows] == ["de", "en"]
    assert curl.count("curl ") == 1
    assert "$TOAPIS_API_KEY" in curl


def test_render_never_prints_the_key(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOAPIS_API_KEY", "sk-verysecret")

    for form in ("yaml", "json", "csv", "curl"):
        assert "sk-verysecret" not in command("render", "spring.yaml", "--format", form).out


def test_a_variable_on_the_command_line_wins(command: Command) -> None:
    said = command("render", "spring.yaml", "--json", "--var", "brand=Nova=1")

    assert json.loads(said.out)[0]["request"]["prompt"] == "Nova=1 in de"


def test_plan_is_told_in_four_forms(command: Command, golden: Golden) -> None:
    text = command("plan", "spring.yaml")
    as_json = json.loads(command("plan", "spring.yaml", "--json").out)

    golden("plan.txt", text.out)
    assert as_json["counts"] == {"create": 2}
    assert as_json["usd"] == "0.368"
    assert set(as_json["changes"][0]) == {"key", "action", "because", "pays", "usd"}
    assert command("plan", "spring.yaml", "--format", "md").out.startswith("### Plan: 2 to create")
    assert command("plan", "spring.yaml", "--format", "csv").out.startswith("key,action,because,pays,usd\n")


def test_plan_of_some_jobs_tells_only_those(command: Command) -> None:
    told = json.loads(command("plan", "spring.yaml", "hero/lang=d*", "--json").out)

    assert [change["key"] for change in told["changes"]] == ["hero/lang=de#1"]


def test_plan_ends_with_3_where_that_was_asked_for(command: Command) -> None:
    assert command("plan", "spring.yaml").code == 0
    assert command("plan", "spring.yaml", "--exit-code").code == 3


def test_status_before_a_run_is_all_pending(command: Command) -> None:
    told = json.loads(command("status", "spring.yaml", "--json").out)

    assert told["counts"] == {"pending": 2}
    assert (told["manifest"], told["lock"]) == ("spring.yaml", "spring.lock.json")
    assert told["usd"] == {"billed": "0", "left": "0.368"}
    assert set(told["jobs"][0]) == {"key", "state", "task", "business_id", "output", "sha256", "usd", "error"}


def test_no_verb_at_all_shows_the_help(process: Command) -> None:
    said = process()

    assert said.code == 2
    assert "Commands" in said.out + said.err


def test_the_version_is_one_line(command: Command) -> None:
    assert command("--version").out.startswith("kling-batch ")
