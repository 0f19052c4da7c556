"""The proofs bite: faults planted in a copy of the package are caught."""

from pathlib import Path

import pytest
from mutants import MUTANTS, SIMULATION, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_fault_is_caught(tmp_path: Path, mutant: Mutant) -> None:
    mutant.plant(tmp_path)

    assert mutant.is_caught(tmp_path)


@pytest.mark.parametrize(
    "caught_by", sorted({(*SIMULATION[:3], "10"), *(each.caught_by for each in MUTANTS)} - {SIMULATION})
)
def test_a_copy_without_a_fault_is_not_caught(tmp_path: Path, caught_by: tuple[str, ...]) -> None:
    text = "posts = 1 if self.canary else self.settings.posts"
    harmless = Mutant(name="no fault", file="run/gate.py", text=text, instead=text, caught_by=caught_by)
    harmless.plant(tmp_path)

    assert not harmless.is_caught(tmp_path)
