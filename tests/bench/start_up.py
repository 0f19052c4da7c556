"""How long a command takes to begin, in CPU milliseconds, and what a bare interpreter takes to import the like."""

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from children import environment

IMPORTS = "import click, yaml, jsonschema, jinja2"
SMALL = 'version: 1\nproject: small\nshots: {a: {matrix: {n: [1, 2]}, request: {prompt: "a boat {{ n }}"}}}\n'
COMMAND = (sys.executable, "-m", "kling_batch")


def cpu_of(command: tuple[str, ...], place: Path, *, codes: tuple[int, ...] = (0,)) -> float:
    """Return the CPU milliseconds of a command, its children's included; raises where it ends otherwise than told."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=place, env=environment(), capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in codes:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}")
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def measure(rounds: int) -> tuple[float, float, float]:
    """Return the medians of the floor, `--help` and `validate`, taken in turns."""
    with tempfile.TemporaryDirectory(prefix="kling-bench-") as name:
        place = Path(name)
        (place / "small.yaml").write_text(SMALL)
        ways = (
            (sys.executable, "-c", IMPORTS),
            (*COMMAND, "--help"),
            (*COMMAND, "validate", "small.yaml"),
        )
        taken = [[cpu_of(way, place) for way in ways] for _ in range(rounds + 1)]
    floor, helped, validated = (statistics.median(column) for column in zip(*taken[1:], strict=True))
    return floor, helped, validated
