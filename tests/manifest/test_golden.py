"""Manifests and what they mean, two files each: `good-x.yaml` and its jobs, `bad-x.yaml` and what is said about it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kling_batch.text.render import concise, render_all

FOLDER = Path(__file__).parent / "golden"
ENV = {"CITY": "Trieste", "TOAPIS_API_KEY": "sk-never-shown"}


def _names(kind: str) -> list[str]:
    return sorted(path.stem for path in FOLDER.glob(f"{kind}-*.yaml"))


@pytest.mark.parametrize("name", _names("good"))
def test_a_good_manifest_becomes_its_jobs(name: str, load_text: Callable, golden: Callable) -> None:
    manifest, told = load_text((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), name=f"{name}.yaml", env=ENV)

    assert manifest is not None, render_all(told)
    jobs = {job.key: {"output": job.output, "body": job.request.body()} for job in manifest.jobs}
    shown = {"jobs": jobs, "warnings": [concise(each) for each in told]}
    golden(f"{name}.json", json.dumps(shown, ensure_ascii=False, indent=1) + "\n")


@pytest.mark.parametrize("name", _names("bad"))
def test_a_bad_manifest_is_told_what_is_wrong_where_and_what_would_be_right(
    name: str, load_text: Callable, golden: Callable
) -> None:
    manifest, told = load_text((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), name=f"{name}.yaml", env=ENV)

    assert manifest is None
    assert ENV["TOAPIS_API_KEY"] not in render_all(told)
    golden(f"{name}.txt", render_all(told) + "\n")


def test_every_golden_file_belongs_to_a_manifest() -> None:
    expected = {f"{name}.json" for name in _names("good")} | {f"{name}.txt" for name in _names("bad")}

    assert {path.name for path in FOLDER.iterdir() if path.suffix in (".json", ".txt")} == expected
