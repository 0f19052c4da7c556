"""A run killed at its calls to the disk and the wire: the CI share of `syscalls.py`."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("syscalls.py")
EVERY = 9

pytestmark = pytest.mark.slow


def enumerated(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run the enumeration in a process of its own, which forks and therefore has no threads."""
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)


def test_no_call_that_a_run_dies_at_pays_twice_or_forgets_a_charge() -> None:
    offset = random.randrange(EVERY)  # over many runs every point has its turn; a fault names its point

    done = enumerated("--every", str(EVERY), "--offset", str(offset))

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_campaign_whose_every_recovery_is_killed_too_ends_at_last() -> None:
    done = enumerated("--again", "1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed" in done.stdout
