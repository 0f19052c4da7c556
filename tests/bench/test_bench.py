"""The benchmarks, tiny: every row can be measured, and what it measures did its work. No limit on seconds."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "bench.py"
ROWS = {
    "runs": ["run against the bare loop", "run against a plain", "run against a plain"],
    "growth": ["CPU a look"],
    "downloads": ["downloads of"] * 4,
    "plan": ["plan of", "memory of that plan"],
    "review": ["review of"],
    "rendering": ["rendering of"],
    "own": ["own CPU", "its exponent", "memory of a run"],
    "crowd": ["memory with"],
    "screen": ["CPU of a run", "CPU of its screen"],
    "looks": ["looks after 200 tasks", "looks against a fixed"],
    "start": ["`--help`", "`validate`"],
}


@pytest.mark.parametrize("row", ROWS)
def test_each_row_of_the_table_can_be_measured(row: str) -> None:
    done = subprocess.run([sys.executable, BENCH, "--tiny", "--json", row], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["what"].startswith(what) for each, what in zip(told, ROWS[row], strict=True)] == [True] * len(told)
    assert all(math.isfinite(each["ratio"]) for each in told)
    assert all(
        each["ratio"] > 0 for each in told if "exponent" not in each["what"]
    )  # which noise may turn at this size
