"""kling-batch: a declarative batch runner for AI video.

A *manifest* in git describes shots; each shot's matrix expands into *jobs*; a *plan* is the jobs held against the
*lock*; a *run* turns the plan into paid videos and records each step before believing it::

    import kling_batch

    campaign = kling_batch.load("manifests/quickstart.yaml", sandbox=True)
    with kling_batch.hold(campaign):                          # the one runner of this lock
        plan = kling_batch.plan(campaign)                     # no network, no side effect
        outcome = kling_batch.run(campaign, plan, api_key="sandbox", base_url=url)

This page is the promise: what is named here stays, everything below it may change.

The house has five storeys, and imports only go down::

    cli                              arguments in, parts wired, exit code out
    report | run | sandbox           what people see; the engine and its journal; the service pretended
    plan | api | media | store       jobs against the lock; the service; MP4 files; the only hand on the disk
    manifest | events | errors       text becomes jobs; what can happen to one; what the world does wrong
    text | job                       text that can be pointed at; one video to make, and its identities

Everything but `run`, `store`, `cli`, the client and the server is pure: no clock, disk, socket or environment.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kling_batch.errors import (
        AccountError,
        DiskError,
        KlingBatchError,
        LockHeldError,
        ManifestError,
        StateError,
        UsageError,
    )
    from kling_batch.events import Event
    from kling_batch.job import Job, Key, Request
    from kling_batch.plan.cost import Prices
    from kling_batch.plan.diff import Action, Change, Plan
    from kling_batch.plan.lockfile import Lock
    from kling_batch.plan.record import Record, State
    from kling_batch.plan.select import Selection
    from kling_batch.run.holding import hold
    from kling_batch.run.outcome import Outcome
    from kling_batch.run.planning import plan, state
    from kling_batch.run.runner import run
    from kling_batch.run.workspace import Campaign, load, prices
    from kling_batch.text.diagnostic import Diagnostic

    __version__: str

__all__ = [
    "AccountError",
    "Action",
    "Campaign",
    "Change",
    "Diagnostic",
    "DiskError",
    "Event",
    "Job",
    "Key",
    "KlingBatchError",
    "Lock",
    "LockHeldError",
    "ManifestError",
    "Outcome",
    "Plan",
    "Prices",
    "Record",
    "Request",
    "Selection",
    "State",
    "StateError",
    "UsageError",
    "hold",
    "load",
    "plan",
    "prices",
    "run",
    "state",
]

_HOME = {
    "kling_batch.errors": [
        *("AccountError", "DiskError", "KlingBatchError", "LockHeldError"),
        *("ManifestError", "StateError", "UsageError"),
    ],
    "kling_batch.events": ["Event"],
    "kling_batch.job": ["Job", "Key", "Request"],
    "kling_batch.plan.cost": ["Prices"],
    "kling_batch.plan.diff": ["Action", "Change", "Plan"],
    "kling_batch.plan.lockfile": ["Lock"],
    "kling_batch.plan.record": ["Record", "State"],
    "kling_batch.plan.select": ["Selection"],
    "kling_batch.run.outcome": ["Outcome"],
    "kling_batch.run.runner": ["run"],
    "kling_batch.run.holding": ["hold"],
    "kling_batch.run.planning": ["plan", "state"],
    "kling_batch.run.workspace": ["Campaign", "load", "prices"],
    "kling_batch.text.diagnostic": ["Diagnostic"],
}
"""Where each name lives; it is imported when it is first asked for, so that `--help` does not wait for a client."""


if not TYPE_CHECKING:  # a type checker is to see the names above and no others

    def __getattr__(name: str) -> object:
        for module, names in _HOME.items():
            if name in names:
                return getattr(import_module(module), name)
        if name == "__version__":
            return _version()
        raise AttributeError(f"module `kling_batch` has no `{name}`")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - costs as much as all the rest

    try:
        return version("kling-batch")
    except PackageNotFoundError:
        return "0+unknown"


class _Promise(ModuleType):
    """This module, on which `plan` and `run` stay the verbs, although there are rooms of the same names.

    Importing a room sets it as an attribute here, and would hide the verb from then on.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Promise
