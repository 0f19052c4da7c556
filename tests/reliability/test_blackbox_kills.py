"""Runs killed with -9, and begun again: the CI share of `kills.py`."""

from pathlib import Path

import pytest
from kills import TROUBLES, many

KILLS = {"healthy": 24, "everything": 24}  # of the other troubles 8 each: 104 together

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_kill_pays_twice_or_forgets_a_charge(trouble: str, folder: Path) -> None:
    figures = many(trouble, KILLS.get(trouble, 8), 1, folder)

    assert figures.kills == KILLS.get(trouble, 8)
    assert figures.faults == []
