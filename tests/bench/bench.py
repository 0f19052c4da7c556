"""Prints how fast the product is, beside floors measured in the same run (issue 4).

    python tests/bench/bench.py [--quick | --tiny] [--peers] [--json] [ROW...]

Rows: runs, growth, downloads, plan, rendering, review, own, crowd, screen, looks, start. `--peers` adds Snakemake,
doit, DVC, GNU parallel, where they are on the PATH (`pip install snakemake doit dvc` in a place of their own). All of
it takes about twenty minutes, `--quick` five. `--tiny` only shows that every row can be measured; its figures mean
nothing. README.md beside this file tells each goal, the last figure, and why one is not met.
The service stays on core 0 and what is measured on core 1, where there are two.
"""

import argparse
import dataclasses
import datetime as dt
import json
import os
import platform
import sys
import time
from pathlib import Path

import peers
from rows import ROWS, Row
from sizes import FULL, QUICK, TINY

HEAD = "| what | ours | floor or peer | ratio | goal | met |\n|---|---:|---:|---:|---:|---|"


def machine() -> str:
    """Return on what and when the figures were taken."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    load = "/".join(f"{each:.1f}" for each in os.getloadavg())
    today = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{os.cpu_count()} x {model}, {platform.system()}, Python {platform.python_version()}, {today}, load {load}"


def told(row: Row) -> str:
    """Return a row of the table."""
    goal = f"{'at least' if row.least else 'at most'} {row.goal:g}{row.unit}"
    met = "yes" if row.is_met else "NO"
    return f"| {row.what} | {row.ours} | {row.other} | {row.ratio:.2f}{row.unit} | {goal} | {met} |"


def main() -> None:
    """Measure what was asked for, a row of the table as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[[], *ROWS], default=[])
    parser.add_argument("--quick", action="store_true", help="fewer jobs and rounds")
    parser.add_argument("--tiny", action="store_true", help="next to nothing, to see that it works")
    parser.add_argument("--peers", action="store_true", help="measure what else there is, where it is installed")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    options = parser.parse_args()
    size = TINY if options.tiny else QUICK if options.quick else FULL
    ways = [ROWS[name] for name in options.rows or ROWS]
    if options.peers or not options.rows:
        ways.append(peers.rows if options.peers else peers.alone)
    if not options.json:
        print(f"{machine()}\n\n{HEAD}", flush=True)
    began = time.monotonic()
    for way in ways:
        for row in way(size):
            print(json.dumps(dataclasses.asdict(row)) if options.json else told(row), flush=True)
    print(f"\n{time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
