"""The verb that holds two revisions of a manifest beside each other: `diff`."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

import kling_batch
from kling_batch.api.origin import GATEWAY, service_of
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, output_root, profile, sandbox, variables
from kling_batch.cli.choosing import ENDINGS, asks_for, choices, expanded, names_a_project, split
from kling_batch.cli.selection import check_selectors
from kling_batch.errors import UsageError
from kling_batch.job import Job
from kling_batch.plan.cost import Prices, default_prices, with_overrides
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.revisions import Differences, differences, keys_of, narrowed
from kling_batch.plan.select import Selection
from kling_batch.report.diff_report import diff_json, diff_markdown, diff_text
from kling_batch.report.markdown import code

if TYPE_CHECKING:
    from kling_batch.manifest.model import Manifest
    from kling_batch.run.repository import Revision
    from kling_batch.run.revisions import Reading

WORKING_TREE = "working tree"


@click.command(epilog="Example: kling-batch diff manifests/spring.yaml origin/main --format md")
@click.argument("words", nargs=-1, required=True, metavar="MANIFEST... [REV [REV]]")
@variables
@profile
@sandbox
@output_root
@click.option("--only", multiple=True, metavar="SELECTOR", help="Only these jobs; may be repeated.")
@choices
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "md"]),
    default="text",
    show_default=True,
    help="What is printed; md is for pull requests.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
def diff(
    words: tuple[str, ...],
    *,
    variables: Mapping[str, str],
    profile: str,
    sandbox: bool,
    output_root: str | None,
    only: tuple[str, ...],
    choice: Selection,
    form: str,
) -> int:
    """Show which jobs two git revisions of a manifest make different, and what that will cost.

    REV is a branch, a tag or a commit. One is held against the working tree, two against each other; without any it
    is HEAD. The lock is that of the newer side. Needs no network and no key. A MANIFEST may be a folder of them.
    A SELECTOR means a job that differs, by its newer or its older key.
    """
    manifests, revisions = _split(words)
    if len(revisions) > 2:  # noqa: PLR2004 - a difference has two sides
        raise UsageError(f"{len(revisions)} revisions were named", help="name the older and the newer one")
    asks = asks_for(manifests, variables=variables, sandbox=sandbox, output_root=output_root, profile=profile)
    names = (revisions[0] if revisions else "HEAD", revisions[1] if len(revisions) > 1 else WORKING_TREE)
    parts = [(each.name, *each.differences()) for each in _paired([_sides(asked, revisions) for asked in asks])]
    selection = replace(choice, patterns=only)
    if selection != Selection():
        keys = [key for _, found, _ in parts for key in keys_of(found)]
        check_selectors((*only, *selection.excluded), keys)
        parts = [(name, narrowed(found, selection), prices) for name, found, prices in parts]
    match form:
        case "json":
            terminal.out_json_each([(name, diff_json(found, names)) for name, found, _ in parts])
        case "md":
            told = [(name, diff_markdown(found, prices, names)) for name, found, prices in parts]
            terminal.out("\n".join(text if len(told) == 1 else f"{code(name)}\n\n{text}" for name, text in told))
        case _:
            terminal.out_each([(name, diff_text(found, prices, names)) for name, found, prices in parts])
    return 0


def _split(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the manifests that are meant and the revisions after them; those of a folder are those of both sides."""
    _, revisions = split(words)
    if not Path(words[0]).exists() and any(Path(each).exists() for each in revisions):
        raise UsageError(f"`{words[0]}` is no manifest", help="manifests come first, and revisions after them")
    found: dict[str, None] = {}
    for word in words[: len(words) - len(revisions)]:
        is_folder = Path(word).is_dir()
        here = () if is_folder and len(revisions) > 1 else expanded((word,))
        sides = (revisions[:2] or ("HEAD",)) if is_folder else ()
        found |= dict.fromkeys(sorted({*here, *(each for name in sides for each in _manifests_in(Path(word), name))}))
    return tuple(found), revisions


def _manifests_in(folder: Path, name: str) -> Iterator[str]:
    """Yield the manifests that a folder has in a revision."""
    from kling_batch.run.repository import Revision  # noqa: PLC0415 - `--help` need not wait for it

    revision = Revision(folder.absolute(), name)
    for path in revision.files:
        if "/" not in path and path.endswith(ENDINGS) and names_a_project(revision.read(path)):
            yield str(folder / path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Newer:
    """The newer side of a manifest."""

    project: str
    jobs: tuple[Job, ...]
    lock: Lock
    prices: Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """A manifest in both revisions, as far as it is there; `kept` is the lock that it had where it is gone by now."""

    name: str
    before: "Manifest | None"
    after: _Newer | None
    kept: Lock | None = None

    def differences(self) -> tuple[Differences, Prices]:
        """Return what differs, and what its prices are."""
        jobs, now = self.before.jobs if self.before else (), time.time()
        if self.after is not None:
            return differences(jobs, self.after.jobs, self.after.lock, self.after.prices, now=now), self.after.prices
        assert self.kept is not None  # noqa: S101 - what is in neither revision was refused
        return differences(jobs, (), self.kept, default_prices(), now=now), default_prices()


def _sides(asked: Asked, revisions: Sequence[str]) -> _Sides:
    from kling_batch.run.repository import Revision  # noqa: PLC0415 - `--help` need not wait for it
    from kling_batch.run.revisions import lock_at, manifest_at  # noqa: PLC0415 - as above

    path, reading = Path(asked.manifest), _reading(asked)
    older = Revision(path.absolute().parent, revisions[0] if revisions else "HEAD")
    newer = Revision(path.absolute().parent, revisions[1]) if len(revisions) > 1 else None
    before, after = manifest_at(path, older, reading), _newer(asked, newer, reading)
    if before is None and after is None:
        raise UsageError(f"`{path}` is in neither revision")
    kept = lock_at(path, before, older, reading) if before and after is None else None
    return _Sides(name=asked.manifest, before=before, after=after, kept=kept)


def _paired(sides: Sequence[_Sides]) -> Iterator[_Sides]:
    """Yield the manifests, one that was renamed once: it is the same campaign, for it names the same project."""
    gone = {each.before.project: each for each in sides if each.before and each.after is None}
    born = {each.after.project for each in sides if each.after and each.before is None}
    for each in sides:
        if each.after and each.before is None and each.after.project in gone:
            yield replace(each, before=gone[each.after.project].before)
        elif not (each.before and each.after is None and each.before.project in born):
            yield each


def _reading(asked: Asked) -> "Reading":
    from kling_batch.run.revisions import Reading  # noqa: PLC0415 - `--help` need not wait for it
    from kling_batch.run.workspace import SANDBOX  # noqa: PLC0415 - as above

    return Reading(
        variables=asked.variables,
        env=os.environ,
        service=SANDBOX if asked.sandbox else service_of(asked.base_url or GATEWAY),
        sandbox=asked.sandbox,
        profile=asked.profile,
    )


def _newer(asked: Asked, revision: "Revision | None", reading: "Reading") -> _Newer | None:
    """Return the newer side, `None` where the manifest is not in it."""
    from kling_batch.run.revisions import lock_at, manifest_at  # noqa: PLC0415 - `--help` need not wait for it

    path = Path(asked.manifest)
    if revision is None:
        if not path.exists():
            return None
        campaign = asked.campaign()
        lock, prices = kling_batch.state(campaign), kling_batch.prices(campaign)
        return _Newer(project=campaign.manifest.project, jobs=campaign.manifest.jobs, lock=lock, prices=prices)
    manifest = manifest_at(path, revision, reading)
    if manifest is None:
        return None
    lock = lock_at(path, manifest, revision, reading)
    prices = with_overrides(default_prices(), manifest.prices)
    return _Newer(project=manifest.project, jobs=manifest.jobs, lock=lock, prices=prices)
