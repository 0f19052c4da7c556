"""What CI and pre-commit are given: whole files, verbs that exist, and no door for a stranger's text."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kling_batch.cli.main import VERBS, main

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / ".github/examples").glob("*.yml"))
ACTION = ROOT / ".github/actions/kling-batch/action.yml"
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


def steps(path: Path) -> Iterator[dict]:
    told = yaml.safe_load(path.read_text())
    jobs = told["jobs"].values() if "jobs" in told else [told["runs"]]
    yield from (step for job in jobs for step in job["steps"])


def script(name: str) -> str:
    return next(step["run"] for step in steps(ACTION) if step.get("id") == name)


@pytest.mark.parametrize("path", [ACTION, *EXAMPLES], ids=lambda path: path.name)
def test_scripts_are_bash_and_nothing_is_pasted_into_them(path: Path) -> None:
    for step in steps(path):
        if "run" in step:
            assert "${{" not in step["run"]
            subprocess.run(["bash", "-n"], input=step["run"].encode(), check=True)  # noqa: S607 - the bash of the tests


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_says_its_rights_and_uses_the_action(path: Path) -> None:
    told = yaml.safe_load(path.read_text())
    used = [step for step in steps(path) if "kling-batch" in step.get("uses", "")]

    assert told["permissions"]
    assert all(job["timeout-minutes"] for job in told["jobs"].values())
    assert {step["with"]["command"] for step in used} <= VERBS.keys()


def test_a_plan_of_a_pull_request_knows_no_secret() -> None:
    text = (ROOT / ".github/examples/plan.yml").read_text()

    assert "secrets." not in text
    assert "pull_request_target" not in text
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("name", ["run", "refresh"])
def test_the_lock_is_kept_however_a_run_ended(name: str) -> None:
    path = ROOT / f".github/examples/{name}.yml"
    keeping = next(step for step in steps(path) if "git push" in step.get("run", ""))

    assert keeping["if"] == "always()"
    assert yaml.safe_load(path.read_text())["concurrency"] == {"group": "videos", "cancel-in-progress": False}


def test_a_run_waits_for_approval() -> None:
    assert yaml.safe_load((ROOT / ".github/examples/run.yml").read_text())["jobs"]["run"]["environment"] == "videos"


def acted(folder: Path, command: str, arguments: str = "") -> tuple[int, str, str]:
    """Run the action's own step in a folder; return its exit code, output and summary."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # the action installs it there
        "COMMAND": command,
        "MANIFESTS": "spring.yaml\n",
        "ARGUMENTS": arguments,
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }
    (folder / "summary").touch()
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script("kling-batch")]
    done = subprocess.run(bash, cwd=folder, env=environment, capture_output=True, check=False, timeout=60)
    assert (folder / "output").read_text().splitlines()[-1] == f"exit-code={done.returncode}"
    return done.returncode, done.stdout.decode(), (folder / "summary").read_text()


def test_the_action_plans_into_the_summary(folder: Path) -> None:
    code, out, summary = acted(folder, "plan", "--exit-code\n\n")

    assert code == 3
    assert summary.startswith("### Plan: 2 to create")
    assert out == summary


def test_the_action_passes_arguments_as_they_are(folder: Path) -> None:
    code, out, _ = acted(folder, "plan", "--var=brand=a b; $(touch harm) `touch harm`\n--sandbox")

    assert code == 0
    assert "Plan: 2 to create" in out
    assert not (folder / "harm").exists()


def test_the_action_runs_without_asking_and_validates_for_github(folder: Path) -> None:
    ran, _, _ = acted(folder, "run", "--sandbox\n--speed=2000")
    checked, _, _ = acted(folder, "lock check", "--sandbox")
    (folder / "spring.yaml").write_text("version: 1\nproject: spring\nshots: {a: {request: {promt: x}}}\n")
    wrong, out, _ = acted(folder, "validate")

    assert (ran, checked, wrong) == (0, 0, 2)
    assert out.startswith("::error file=spring.yaml,line=3")


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_checks_a_folder_of_manifests(hook: dict, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "manifests").mkdir()
    (folder / "manifests/spring.yaml").write_text((folder / "spring.yaml").read_text())
    words = [*hook["entry"].split()[1:], *hook["args"]]
    fresh = main(words)
    (folder / "manifests/spring.yaml").write_text("version: 1\nproject: spring\nshots: {a: {request: {promt: x}}}\n")
    wrong = main(words)

    capsys.readouterr()
    assert (fresh, wrong) in {(0, 2), (3, 2)}  # nothing was run yet: there is no lock


@pytest.mark.parametrize(
    ("hook", "path", "is_meant"),
    [
        (0, "manifests/spring.yaml", True),
        (0, "manifests/prompts/pour.j2", True),
        (0, "manifests/spring.lock.json", False),
        (0, "src/main.py", False),
        (1, "manifests/spring.lock.json", True),
        (1, "manifests/spring.yaml", False),
    ],
)
def test_a_hook_goes_off_where_it_should(hook: int, path: str, *, is_meant: bool) -> None:
    assert bool(re.search(HOOKS[hook]["files"], path)) is is_meant
