"""Verbs that only read a manifest: `validate` says what is wrong with it, `render` what comes out of it."""

from collections.abc import Sequence

import rich_click as click

import kling_batch
from kling_batch.api.origin import GATEWAY, origin_of
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, reads_manifest, selectors, variables
from kling_batch.cli.selection import check_selectors
from kling_batch.errors import ManifestError, UsageError
from kling_batch.job import Json
from kling_batch.plan.record import State
from kling_batch.plan.select import selector
from kling_batch.report.complaints import complaints_github, complaints_json
from kling_batch.report.money import exact, several
from kling_batch.report.requests import job_json, jobs_csv, jobs_curl, jobs_yaml
from kling_batch.text.diagnostic import Diagnostic, Severity
from kling_batch.text.render import concise


@click.command(epilog="Example: kling-batch validate manifests/*.yaml")
@click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...", type=click.Path())
@variables
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "concise", "json", "github"]),
    default="text",
    show_default=True,
    help="How mistakes are told; json and github go to stdout.",
)
def validate(manifests: tuple[str, ...], variables: dict[str, str], form: str) -> int:
    """Check manifests without network and without key, and say where and why they are wrong."""
    found: list[Diagnostic] = []
    counted: list[Json] = []
    jobs = shots = 0
    for manifest in manifests:
        campaign, diagnostics = _checked(Asked(manifest=manifest, variables=variables))
        found += diagnostics
        own = campaign.manifest.jobs if campaign else ()
        jobs, shots = jobs + len(own), shots + len({job.shot for job in own})
        counted.append({"manifest": manifest, "jobs": len(own), "ok": campaign is not None})
    wrong = sum(each.severity is Severity.ERROR for each in found)
    _tell(found, counted, form)
    if wrong:
        terminal.talk(f"{several(wrong, 'mistake')}; nothing was sent")
        return UsageError.exit_code
    if form in {"text", "concise"}:
        terminal.out(f"ok: {several(jobs, 'job')}, {several(shots, 'shot')}")
    return 0


def _checked(asked: Asked) -> "tuple[kling_batch.Campaign | None, Sequence[Diagnostic]]":
    try:
        campaign = asked.campaign()
    except ManifestError as error:
        return None, error.diagnostics
    return campaign, campaign.warnings


def _tell(found: Sequence[Diagnostic], counted: list[Json], form: str) -> None:
    match form:
        case "json":
            terminal.out_json({"manifests": counted, "diagnostics": complaints_json(found)})
        case "github":
            terminal.out(complaints_github(found))
        case "concise":
            terminal.talk("".join(f"{concise(each)}\n" for each in found))
        case _:
            terminal.talk_diagnostics(found)


@click.command(epilog="Example: kling-batch render manifests/quickstart.yaml 'hero/lang=de*' --format curl")
@reads_manifest
@selectors
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json", "csv", "curl"]),
    default="yaml",
    show_default=True,
    help="What is printed.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
def render(asked: Asked, *, selectors: tuple[str, ...], form: str) -> int:
    """Print the expanded jobs of a manifest: each request as it will be sent, without sending it.

    A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    campaign = asked.campaign()
    terminal.talk_diagnostics(campaign.warnings)
    check_selectors(selectors, [job.key for job in campaign.manifest.jobs])
    means = selector(selectors)
    jobs = [job for job in campaign.manifest.jobs if means(job.key, State.PENDING)]
    table = kling_batch.prices(campaign)
    usd = {job.key: exact(table.usd(job.request)) for job in jobs}
    told: list[Json] = [job_json(job, usd[job.key]) for job in jobs]
    match form:
        case "json":
            terminal.out_json(told)
        case "csv":
            terminal.out(jobs_csv(jobs, usd))
        case "curl":
            terminal.out(jobs_curl(jobs, origin_of(asked.base_url or GATEWAY).base))
        case _:
            terminal.out(jobs_yaml(told))
    return 0
