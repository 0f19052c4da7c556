"""The long command: so many seeds of the simulation, with figures, and each failure with the way to see it again.

    python tests/reliability/campaign.py --seeds 100000 [--first-seed K] [--jobs 2] [--trio-every 20]

It can go on for nights: `--seeds 0` stops only at Ctrl-C. One seed is told with `--seeds 1 --first-seed K --trace`.
"""

import argparse
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from tempfile import gettempdir

ROOT = Path(__file__).absolute().parents[2]  # not resolved: a copy with a fault in it has these tests by a link
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "kit")]

from simulation import Story  # noqa: E402 - the kit lies on the path only now

LONGEST = 120.0  # seconds of real time for one seed; virtual time that hangs would hang for ever
SHARE = 25  # seeds that a process tells at a time
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in memory makes syncs free; where there is none, any folder does


@dataclass
class Report:
    """What came of some seeds."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str, str]] = field(default_factory=list)


class Hung(BaseException):
    """A seed took too long."""


def _hung(_number: int, _frame: object) -> None:
    raise Hung


def backend_of(seed: int, trio_every: int) -> str:
    """Return which backend a seed runs on."""
    return "trio" if trio_every and seed % trio_every == 0 else "asyncio"


def tell(seeds: range, trio_every: int, *, stop: bool = False) -> Report:
    """Tell some stories in this process."""
    report = Report()
    signal.signal(signal.SIGALRM, _hung)
    folder = (MEMORY if MEMORY.is_dir() else Path(gettempdir())) / f"kling-batch-{os.getpid()}"
    for seed in seeds:
        if stop and report.failures:
            break
        backend = backend_of(seed, trio_every)
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        try:
            story = Story(seed, folder, backend)
            report.counts.update(story.tell())
            report.counts[f"on {backend}"] += 1
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, the seed is told and the next one begins
            report.failures.append((seed, backend, "".join(traceback.format_exception(error))))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
    Story.forget(folder)
    return report


def shares(first: int, seeds: int) -> Iterator[range]:
    """Give the seeds in shares, for ever where their number is 0."""
    starts = count(first, SHARE)
    for start in islice(starts, -(-seeds // SHARE)) if seeds else starts:
        yield range(start, min(start + SHARE, first + seeds) if seeds else start + SHARE)


def run(first: int, seeds: int, jobs: int, trio_every: int) -> Report:
    """Tell all stories with so many processes, and say now and then how far they are."""
    total, began, spoken = Report(), time.monotonic(), 0.0
    with ProcessPoolExecutor(jobs) as pool:
        waiting = shares(first, seeds)
        running = {pool.submit(tell, each, trio_every) for each in islice(waiting, jobs * 2)}
        try:
            while running:
                done = next((each for each in running if each.done()), None)
                if done is None:
                    time.sleep(0.05)
                    continue
                running.remove(done)
                running |= {pool.submit(tell, each, trio_every) for each in islice(waiting, 1)}
                _add(total, done.result())
                if time.monotonic() - spoken > 30:
                    spoken = time.monotonic()
                    say(total, spoken - began, brief=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
    say(total, time.monotonic() - began, brief=False)
    return total


def _add(total: Report, report: Report) -> None:
    total.counts.update(report.counts)
    for seed, backend, text in report.failures:
        print(f"\nseed {seed} on {backend} fails:\n{text}", flush=True)
        print(f"see it again: python tests/reliability/campaign.py --seeds 1 --first-seed {seed} --trace", flush=True)
    total.failures += report.failures


def say(report: Report, seconds: float, *, brief: bool) -> None:
    """Print the figures so far, in one line or in full."""
    told, counts = report.counts["seeds"] + len(report.failures), report.counts
    print(
        f"{told} seeds in {seconds:.0f} s ({told / max(seconds, 0.001):.1f} a second), {counts['runs']} runs, "
        f"{counts['kills']} kills, {counts['charges']} charges, {len(report.failures)} failures",
        flush=True,
    )
    if not brief:
        for name, number in sorted(counts.items()):
            print(f"  {number:>9} {name}")
        print(f"failing seeds: {sorted(seed for seed, _, _ in report.failures) or 'none'}")


def trace(seed: int, trio_every: int) -> int:
    """Tell one story aloud; return 1 if it breaks a promise."""
    folder = (MEMORY if MEMORY.is_dir() else Path(gettempdir())) / f"kling-batch-seed-{seed}"
    story = Story(seed, folder, backend_of(seed, trio_every))
    print(story.script.text, story.service.world._terms, story.storm, sep="\n")
    try:
        story.tell()
    except Exception:  # noqa: BLE001 - it is shown after what led to it
        print(*story.trace, sep="\n")
        traceback.print_exc(file=sys.stdout)
        print(f"the folder is kept: {folder.name}")
        return 1
    print(*story.trace, sep="\n")
    Story.forget(folder)
    return 0


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000, help="how many; 0 for ever")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--trio-every", type=int, default=20, help="one of so many seeds runs on trio; 0 for none")
    parser.add_argument("--stop", action="store_true", help="end at the first failure, in one process")
    parser.add_argument("--trace", action="store_true", help="tell one seed aloud")
    asked = parser.parse_args()
    if asked.trace:
        return trace(asked.first_seed, asked.trio_every)
    if asked.stop:
        report = tell(range(asked.first_seed, asked.first_seed + asked.seeds), asked.trio_every, stop=True)
        print(*(f"seed {seed} on {backend}: {text}" for seed, backend, text in report.failures))
        return 1 if report.failures else 0
    return 1 if run(asked.first_seed, asked.seeds, asked.jobs, asked.trio_every).failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
