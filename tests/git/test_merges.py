"""Branches that each ran a part of a campaign, merged by git itself."""

from pathlib import Path
from types import ModuleType

import pytest


@pytest.mark.slow
def test_random_merges_conflict_with_nobody_and_lose_nothing(merges: ModuleType, tmp_path: Path) -> None:
    counts = merges.run(tmp_path, merges=40, seed=2).counts

    assert counts["known: conflicts of plain git"] == 0
    assert counts["known: conflicts of the driver"] == counts["added: conflicts of the driver"] == 0
    assert counts["undecided or unreadable"] == 0
    assert counts["lost records or tasks"] == 0
    assert counts["known: not canonical"] == counts["added: not canonical"] == 0
    assert counts["added: healed"] > 0
