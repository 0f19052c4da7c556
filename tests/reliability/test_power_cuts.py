"""Power cuts on a copied image: the CI share of `power.py`."""

from pathlib import Path

import pytest
from power import many, why_not

pytestmark = pytest.mark.slow


def test_no_power_cut_pays_twice_or_forgets_a_charge(tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(f"power cannot be cut here: {reason}")

    figures = many(6, 3, tmp_path)

    assert figures.kills == 6
    assert figures.faults == []
