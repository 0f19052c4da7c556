"""A manifest checked in every one of its profiles, so that none is found to be broken only when it is to run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kling_batch.cli.asked import Asked
from kling_batch.errors import ManifestError
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.render import listed

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign


def every_profile(asked: Asked) -> "tuple[Campaign | None, tuple[Diagnostic, ...]]":
    """Return a manifest as it was asked for, and what is wrong with it there and, asked for no profile, in any of them.

    What is told of the manifest itself is not told again; what only profiles have is told once, with their names.
    """
    campaign, told = _read(asked)
    if campaign is None or asked.profile:
        return campaign, tuple(told)
    known = {_point(each) for each in told}
    found: dict[object, tuple[Diagnostic, list[str]]] = {}
    for name in campaign.manifest.profiles:
        for each in _read(replace(asked, profile=name))[1]:
            found.setdefault(_point(each), (each, []))[1].append(name)
    return campaign, (*told, *(_named(*each) for point, each in found.items() if point not in known))


def _point(told: Diagnostic) -> object:
    """Return what makes two complaints the same: their help may tell of how many jobs they are true."""
    return told.code, told.message, told.span, told.place


def _read(asked: Asked) -> "tuple[Campaign | None, Sequence[Diagnostic]]":
    try:
        campaign = asked.campaign()
    except ManifestError as error:
        return None, error.diagnostics
    return campaign, campaign.warnings


def _named(told: Diagnostic, names: Sequence[str]) -> Diagnostic:
    profiles = "profile" if len(names) == 1 else "profiles"
    return replace(told, message=f"in {profiles} {listed(names)}: {told.message}")
