"""How much of everything a benchmark does: all of it, a share, or next to nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """How much of everything: jobs of a run, rounds, jobs of a plan, files of a download, jobs of the scale test."""

    jobs: int
    rounds: int
    plan: int
    files: int
    scale: tuple[int, ...]
    idle: int
    crowd: int
    crowd_seconds: float
    tasks: int
    planned: int = 1000
    starts: int = 15
    rendered: int = 20_000
    reviewed: int = 1000
    screen: int = 3000
    screen_width: int = 1000
    screen_seconds: float = 8.0


FULL = Size(
    jobs=600,
    rounds=5,
    plan=100_000,
    files=40,
    scale=(1_000, 10_000, 100_000),
    idle=10_000,
    crowd=10_000,
    crowd_seconds=8.0,
    tasks=2200,
)
QUICK = Size(
    jobs=300,
    rounds=3,
    plan=20_000,
    files=16,
    scale=(1_000, 10_000),
    idle=2_000,
    crowd=2_000,
    crowd_seconds=8.0,
    tasks=2200,
    starts=7,
    screen=1000,
)
TINY = Size(
    jobs=12,
    rounds=1,
    plan=60,
    files=2,
    scale=(20, 40),
    idle=5,
    crowd=12,
    crowd_seconds=0.2,
    tasks=400,
    planned=8,
    starts=1,
    rendered=20,
    reviewed=6,
    screen=6,
    screen_width=3,
    screen_seconds=0.2,
)
