"""Runs killed with -9, and begun again: the CI share of `kills.py`."""

from pathlib import Path

import pytest
from kills import TROUBLES, many

KILLS = {
    "healthy": 16,
    "everything": 16,
}  # of the other troubles 4 each: 60 together, and 50 more in `test_syscalls.py`

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_kill_pays_twice_or_forgets_a_charge(trouble: str, folder: Path) -> None:
    figures = many(trouble, KILLS.get(trouble, 4), 1, folder, jobs=12)

    assert figures.kills == KILLS.get(trouble, 4)
    assert figures.faults == []
