"""The Python API: typed for those who check, lazy for those who wait, and the same names for good."""

import subprocess
import sys
from pathlib import Path

import pytest

import kling_batch

SCRIPT = Path(__file__).with_name("script.py")
MANIFEST = """\
version: 1
project: api
run: {poll: {first: 0.1s, every: 1s}}
vars: {brand: Aurora}
shots:
  hero:
    matrix: {lang: [de, en]}
    request: {prompt: "{{ brand }} in {{ lang }}"}
"""


def test_every_promised_name_is_there() -> None:
    for name in kling_batch.__all__:
        assert getattr(kling_batch, name) is not None
    assert set(kling_batch.__all__) <= set(dir(kling_batch))
    assert kling_batch.__version__


def test_a_name_that_was_not_promised_is_told_as_missing() -> None:
    with pytest.raises(AttributeError, match="has no `plam`"):
        getattr(kling_batch, "plam")  # noqa: B009 - a type checker would refuse the attribute


def test_the_verbs_stay_verbs_after_the_rooms_of_their_names_were_imported() -> None:
    code = (
        "import kling_batch.run.workspace, kling_batch.plan.diff, kling_batch\n"
        "from kling_batch import plan, run\n"
        "assert callable(plan) and callable(run) and plan is kling_batch.plan and run is kling_batch.run"
    )

    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_a_script_against_the_api_passes_a_strict_type_checker(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "--follow-imports", "silent", SCRIPT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "Success: no issues found in 1 source file"


def test_a_script_against_the_api_runs(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(MANIFEST)

    done = subprocess.run(
        [sys.executable, SCRIPT, "api.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("0 2 2 2 0.184\n", "")
