"""What every subject of a benchmark shares: CPU and wall time of a stretch of code, peak memory, a line of figures."""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORE = 1  # clients have the second core for themselves; the service has the first


@dataclass
class Figures:
    """Seconds of the clock and of the processor."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def measured() -> Iterator[Figures]:
    """Give the figures of a block, filled in at its end."""
    figures = Figures()
    cpu, wall = time.process_time(), time.perf_counter()
    yield figures
    figures.wall, figures.cpu = time.perf_counter() - wall, time.process_time() - cpu


def peak_megabytes() -> float:
    """Return the most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def pin(core: int) -> None:
    """Stay on one core, where there are two and the system lets us."""
    if hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0) and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {core})


@contextmanager
def folder() -> Iterator[Path]:
    """Give an empty folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="kling-bench-") as name:
        yield Path(name)


def work(subjects: Mapping[str, Callable[..., Any]]) -> None:
    """Run the subject that the command line names, with the options that it gives as JSON, and print its figures."""
    name, options = sys.argv[1], json.loads(sys.argv[2])
    pin(CORE)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    figures = subjects[name](**options)
    print(json.dumps(figures | {"peak_mb": round(peak_megabytes(), 1)}))


Job = Callable[[int], Awaitable[None]]
