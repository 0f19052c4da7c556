"""Power cuts: a campaign on a file system in an image, which is copied while the run stands still, and gone on with.

    python tests/reliability/power.py --cuts 200 [--seed 7]

What the copy holds is what the disk had been told to keep; everything that was only written is lost. Needs root, loop
devices and ext4. Prints the seed and the figures; ends with 1 if anything was paid twice or forgotten.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blackbox import Campaign, Figures, Sandbox, audit

SIZE = "48M"
JOBS, MOST = 12, 8  # jobs and cuts in one campaign


def why_not() -> str:
    """Return why power cannot be cut here, or nothing if it can."""
    missing = [tool for tool in ("mkfs.ext4", "mount", "umount") if shutil.which(tool) is None]
    if os.geteuid() != 0 or missing:
        return f"needs root and {', '.join(missing) or 'loop devices'}"
    with tempfile.TemporaryDirectory() as name, suppress(subprocess.CalledProcessError):
        image = _image(Path(name) / "disk")
        with _mounted(image, Path(name) / "mnt"):
            return ""
    return "loop devices cannot be mounted here"


def _image(path: Path) -> Path:
    _call("truncate", "-s", SIZE, str(path))
    _call("mkfs.ext4", "-q", "-F", str(path))
    return path


def _call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@contextmanager
def _mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir(exist_ok=True)
    _call("mount", "-o", "loop", str(image), str(at))
    try:
        yield at
    finally:
        _call("umount", str(at))


def campaign(cuts: int, dice: random.Random, folder: Path) -> Figures:
    """Cut the power so many times in one campaign, and hold what is left at its end against the ledger."""
    image = _image(folder / "disk0")
    with _mounted(image, folder / "mnt") as disk:
        Campaign(disk / "c", jobs=JOBS)
        _call("sync", "-f", str(disk))
    done = 0
    with Sandbox(folder / "service") as service:
        for number in range(1, cuts + 1):
            copy = folder / f"disk{number}"
            with _mounted(image, folder / "mnt") as disk:
                done += _cut(Campaign(disk / "c", jobs=JOBS, url=service.url, starts=number), dice, image, copy)
            image.unlink()
            image = copy
        with _mounted(image, folder / "mnt") as disk:
            last = Campaign(disk / "c", jobs=JOBS, url=service.url, starts=cuts + 1)
            last.finish()
            figures = audit(last, service.charges())
    image.unlink()
    return figures + Figures(kills=done)


def _cut(run: Campaign, dice: random.Random, image: Path, copy: Path) -> int:
    """Run until the power goes; say whether it went while the run was alive."""
    with run.started() as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(dice.uniform(0.4, 2.5))
        alive = process.poll() is None
        if alive:
            process.send_signal(signal.SIGSTOP)
        _call("cp", "--sparse=always", str(image), str(copy))
        return int(alive)


def many(cuts: int, seed: int, folder: Path) -> Figures:
    """Cut the power so many times, over as many campaigns as that takes."""
    dice, figures = random.Random(seed), Figures()
    while figures.kills < cuts:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            figures += campaign(min(MOST, cuts - figures.kills), dice, Path(name))
    return figures


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--cuts", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    words = asked.parse_args()
    if reason := why_not():
        sys.exit(f"power cannot be cut here: {reason}")
    with tempfile.TemporaryDirectory() as scratch:
        total = many(words.cuts, words.seed, Path(scratch))
    print(f"seed {words.seed}: {total}")
    sys.exit(1 if total.faults else 0)
