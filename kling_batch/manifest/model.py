"""What a manifest says, once it is checked: settings and shots as values, spans kept for complaints that come later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from kling_batch.job import Job, Key
from kling_batch.text.source import Span

Read = Callable[[str], bytes]
"""Return the content of a file named by its path relative to the manifest's folder, with `/` between its parts.

Raises `OSError` where it cannot be read, and `PermissionError` where the path leads out of the manifest's folder or
through a symbolic link.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How to run; never part of a job's identity. Times in seconds, money in USD.

    `poll_first` is the first look after a submit, `poll_every` the longest gap between looks.
    """

    in_flight: int = 8
    submit_per_second: float = 2.0
    look_per_second: float = 20.0
    poll_first: float = 5.0
    poll_every: float = 10.0
    deadline: float = 1200.0
    settle: float = 60.0
    retries: int = 2
    posts: int = 2
    max_failures: int = 10
    budget: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceOverride:
    """One entry of `prices:` in a manifest: USD for each second, `None` matches any value."""

    usd_per_second: Decimal
    mode: str | None = None
    audio: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest with every job expanded and checked.

    `root` is the output root as written, relative to its folder, `root_span` where that is, if it is written at all.
    `profile` is the chosen one, empty for none; `project`
    then ends in its name, because each profile is a campaign of its own. `profiles` are the names of all. `chosen` are
    the jobs that `--where` means, `None` where it was not asked.
    """

    name: str
    project: str
    root: str
    run: RunSettings
    jobs: tuple[Job, ...]
    prices: tuple[PriceOverride, ...] = ()
    root_span: Span | None = None
    profile: str = ""
    profiles: tuple[str, ...] = ()
    chosen: frozenset[Key] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    """Every other file that was read, and the sha256 of its content."""
