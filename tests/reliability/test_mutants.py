"""The proofs bite: faults planted in a copy of the package are caught; all of them with `MUTANTS=all`."""

import os
from pathlib import Path

import pytest
from mutants import MUTANTS, SIMULATION, Mutant

QUICK = frozenset(
    {
        "the intent is recorded after the POST",
        "an absent submit is sent again without proof",
        "the first submit is no canary",
        "a lock counts facts that came while it was written",
        "the intent is not synced",
        "a replaced file's folder is not synced",
        "a replacing file is not synced",
        "a part that is a video by now is written into",
        "a checksum of the journal is not looked at",
        "a journal of another lock is taken",
    }
)
"""Those that every check runs; the others take minutes together."""

CHOSEN = MUTANTS if os.environ.get("MUTANTS") == "all" else tuple(each for each in MUTANTS if each.name in QUICK)


@pytest.mark.parametrize("mutant", CHOSEN, ids=lambda mutant: mutant.name)
def test_a_planted_fault_is_caught(tmp_path: Path, mutant: Mutant) -> None:
    mutant.plant(tmp_path)

    assert mutant.is_caught(tmp_path)


def test_a_copy_without_a_fault_is_not_caught(tmp_path: Path) -> None:
    text = "posts = 1 if self.canary else self.settings.posts"
    harmless = Mutant(name="no fault", file="run/gate.py", text=text, instead=text, caught_by=(*SIMULATION[:3], "10"))
    harmless.plant(tmp_path)

    assert not harmless.is_caught(tmp_path)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_fault_can_still_be_planted(tmp_path: Path, mutant: Mutant) -> None:
    mutant.plant(tmp_path)
