"""Every mistake that a text can hold, and what is said about it: `golden/x.yaml` and beside it `golden/x.txt`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kling_batch.text.decode import decode
from kling_batch.text.diagnostic import errors
from kling_batch.text.document import parse
from kling_batch.text.render import render_all

CASES = sorted(path.stem for path in (Path(__file__).parent / "golden").glob("*.yaml"))


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(
    name: str, golden: Callable[[str, str], None]
) -> None:
    data = (Path(__file__).parent / "golden" / f"{name}.yaml").read_bytes()

    source, found = decode(f"manifests/{name}.yaml", data)
    document, told = parse(source) if source else (None, found)

    assert document is None
    assert errors(told)
    golden(f"{name}.txt", render_all(told) + "\n")


def test_no_text_is_without_what_is_said_about_it() -> None:
    folder = Path(__file__).parent / "golden"

    assert sorted(path.stem for path in folder.glob("*.txt")) == CASES
