"""The verbs of `lock`: a lock checked in CI, written in its one form, merged by git, and git told to do so."""

import sys
from pathlib import Path

import rich_click as click

from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, profile, variables
from kling_batch.cli.choosing import expanded
from kling_batch.cli.failure import told
from kling_batch.errors import StateError
from kling_batch.job import Json
from kling_batch.report.complaints import complaints_json
from kling_batch.report.money import several
from kling_batch.text.diagnostic import Diagnostic

GOOD, CONFLICT, NOT_YET, DAMAGED = 0, 1, 3, StateError.exit_code


def _expanded(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    del context, parameter
    return expanded(given)


manifests = click.argument(
    "manifests", nargs=-1, required=True, metavar="MANIFEST...", type=click.Path(), callback=_expanded
)
sandbox = click.option("--sandbox", is_flag=True, help="The lock of the pretended service.")


@click.group(epilog="Example: kling-batch lock check manifests/*.yaml")
def lock() -> None:
    """Check, format and merge locks, for CI and for git. Needs no network and no key."""


@lock.command(epilog="Example: kling-batch lock check manifests/*.yaml")
@manifests
@variables
@profile
@sandbox
@click.option("--json", "as_json", is_flag=True, help="Print data for programs.")
def check(manifests: tuple[str, ...], *, variables: dict[str, str], profile: str, sandbox: bool, as_json: bool) -> int:
    """Say whether locks are whole, in their one form, complete and sure; end with 3, or with 6 where one is damaged.

    Complete is a lock that has a record for every job of its manifest; sure, where no submit waits to be settled.
    """
    codes, checked, records = [], list[Json](), 0
    for manifest in manifests:
        asked = Asked(manifest=manifest, variables=variables, sandbox=sandbox, profile=profile)
        place, count, complaints = _audited(asked)
        codes.append(_code(complaints))
        records += count
        problems = complaints_json(complaints)
        checked.append({"manifest": manifest, "lock": place, "ok": not complaints, "problems": problems})
        if not as_json:
            terminal.talk_diagnostics(complaints)
    if as_json:
        terminal.out_json({"locks": checked})
    elif not any(codes):
        terminal.out(f"ok: {several(len(checked), 'lock')}, {several(records, 'record')}")
    return max(codes)


def _audited(asked: Asked) -> tuple[str, int, tuple[Diagnostic, ...]]:
    """Return the path of a manifest's lock, how many records it has, and what is wrong with it."""
    from kling_batch import store  # noqa: PLC0415 - `--help` need not wait for it
    from kling_batch.plan.audit import audit, no_lock  # noqa: PLC0415 - as above
    from kling_batch.plan.lockfile import LIMIT  # noqa: PLC0415 - as above
    from kling_batch.text.decode import decode  # noqa: PLC0415 - as above

    campaign = asked.campaign()
    manifest, place = campaign.manifest, terminal.shown(campaign.places.lock)
    try:
        content = store.read_bytes(campaign.places.lock, LIMIT)
    except FileNotFoundError:
        return place, 0, no_lock(place, manifest.jobs)
    except OSError as error:
        raise StateError(f"`{place}` cannot be read: {error.strerror or error}") from error
    source, complaints = decode(place, content, limit=LIMIT)
    if source is None:
        return place, 0, complaints
    found, complaints = audit(source, content, manifest.jobs, project=manifest.project, service=campaign.service)
    return place, len(found.jobs) if found else 0, complaints


def _code(complaints: tuple[Diagnostic, ...]) -> int:
    from kling_batch.plan.audit import DOUBTS  # noqa: PLC0415 - `--help` need not wait for it

    if all(each.code in DOUBTS for each in complaints):
        return NOT_YET if complaints else GOOD
    return DAMAGED


@lock.command("fmt", epilog="Example: kling-batch lock fmt manifests/spring.yaml")
@manifests
@variables
@profile
@sandbox
@click.option("--check", "only_check", is_flag=True, help="Write nothing; end with 3 if something would be written.")
def format_locks(
    manifests: tuple[str, ...], *, variables: dict[str, str], profile: str, sandbox: bool, only_check: bool
) -> int:
    """Write locks in their one form, as a run would; what git left in conflict is put together by key.

    A lock that is in its form already is not touched.
    """
    from kling_batch.run.formatting import format_lock  # noqa: PLC0415 - `--help` need not wait for it

    changed = 0
    for manifest in manifests:
        campaign = Asked(manifest=manifest, variables=variables, sandbox=sandbox, profile=profile).campaign()
        if format_lock(campaign, writes=not only_check):
            changed += 1
            does = "would write" if only_check else "wrote"
            terminal.out(f"{does} {terminal.shown(campaign.places.lock)}")
    terminal.talk(f"{several(len(manifests) - changed, 'lock')} in form already")
    return NOT_YET if only_check and changed else GOOD


@lock.command(epilog="Example: kling-batch lock merge base.lock.json ours.lock.json theirs.lock.json")
@click.argument("base", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("ours", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("theirs", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--path", "place", metavar="PATH", help="The lock's path in the repository, for what is told.")
def merge(base: Path, ours: Path, theirs: Path, place: str | None) -> int:
    """Merge two versions of a lock by key into OURS, as git's merge drivers do; no paid task of either is lost.

    Ends with 1, and leaves git's own conflict text in OURS, where nothing certain can be done.
    """
    from kling_batch.run.merging import merge_files  # noqa: PLC0415 - `--help` need not wait for it

    try:
        terminal.talk_diagnostics(merge_files(base, ours, theirs, place or str(ours)))
    except StateError as error:
        terminal.talk(told(error, color=terminal.has_color()))
        return CONFLICT
    return GOOD


@lock.command(epilog="Example: kling-batch lock install")
@click.option("--uninstall", is_flag=True, help="Take both out again.")
def install(*, uninstall: bool) -> int:
    """Let git merge locks in this repository by `lock merge`: a line in .gitattributes, and a driver in its config.

    The line is for everybody, and wants to be committed; the driver is this clone's own. Without it git merges locks
    as it does any text, and the next run puts together by key what it left in conflict.
    """
    from kling_batch.run.driver import install as install_driver  # noqa: PLC0415 - `--help` need not wait for it
    from kling_batch.run.driver import uninstall as uninstall_driver  # noqa: PLC0415 - as above

    done = uninstall_driver(Path()) if uninstall else install_driver(Path(), sys.executable)
    terminal.out("\n".join(done) if done else "nothing to do")
    return GOOD
