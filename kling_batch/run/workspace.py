"""A manifest's files on disk: where its lock, journal and outputs lie, and how they become a campaign and a plan."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from kling_batch.manifest.model import Manifest
from kling_batch.plan.cost import Prices
from kling_batch.plan.diff import Plan
from kling_batch.plan.lockfile import Lock
from kling_batch.text.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The absolute paths of everything that belongs to one manifest."""

    manifest: Path
    lock: Path
    journal: Path
    run_lock: Path
    outputs: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A manifest, expanded and checked, with its places and the warnings that came with it.

    `service` is what the lock is bound to: the gateway's origin, or `sandbox`.
    """

    manifest: Manifest
    places: Places
    service: str
    warnings: tuple[Diagnostic, ...] = ()


def load(
    path: str | Path,
    *,
    variables: Mapping[str, str] | None = None,
    base_url: str | None = None,
    sandbox: bool = False,
    output_root: str | Path | None = None,
) -> Campaign:
    """Read a manifest and everything that it names.

    `variables` override declared ones. `base_url` is the service's, by default that of `TOAPIS_BASE_URL` or the real
    gateway; with `sandbox` the campaign has a lock and outputs of its own. Raises `ManifestError` with every diagnostic
    of the stage that failed.
    """
    raise NotImplementedError


def prices(campaign: Campaign) -> Prices:
    """Return the price table that counts for a campaign: its own `prices:` first, then the dated table."""
    raise NotImplementedError


def state(campaign: Campaign) -> Lock:
    """Return what lock and journal together know. Raises `StateError` where either is damaged or foreign."""
    raise NotImplementedError


def plan(
    campaign: Campaign,
    *,
    only: Sequence[str] = (),
    retry_rejected: bool = False,
    budget: Decimal | None = None,
    limit: int | None = None,
) -> Plan:
    """Hold a campaign's jobs against its lock, without network. `only` are selectors; the rest as in `Plan`."""
    raise NotImplementedError


@contextmanager
def hold(campaign: Campaign) -> Iterator[None]:
    """Be the one runner of this lock while the block lasts; raises `LockHeldError`. May be nested."""
    del campaign
    yield
