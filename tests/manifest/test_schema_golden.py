"""Every way to break the schema, and what is said about it: `golden_schema/x.yaml` and beside it `x.txt`."""

from pathlib import Path

import pytest

from kling_batch.manifest.schema import check
from kling_batch.text.document import parse
from kling_batch.text.render import render_all
from kling_batch.text.source import Source

FOLDER = Path(__file__).parent / "golden_schema"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", CASES)
def test_a_broken_rule_is_told_at_its_key_or_value(name: str, pytestconfig: pytest.Config) -> None:
    document, _ = parse(Source(f"manifests/{name}.yaml", (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
    assert document is not None

    told = render_all(check(document)) + "\n"

    expected = FOLDER / f"{name}.txt"
    before = expected.read_text(encoding="utf-8") if expected.exists() else None
    if pytestconfig.getoption("--update-golden") and told != before:
        expected.write_text(told, encoding="utf-8")
        pytest.fail(f"{expected.name} was written anew; read it as prose before you commit it")
    assert told.startswith("error[")
    assert told == before


def test_no_manifest_is_without_what_is_said_about_it() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == CASES
