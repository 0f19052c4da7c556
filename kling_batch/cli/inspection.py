"""Verbs that only read a manifest: `validate` says what is wrong with it, `render` what comes out of it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import rich_click as click

import kling_batch
from kling_batch.api.origin import GATEWAY, origin_of
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, profile, variables
from kling_batch.cli.choosing import campaigns, check_selection, expanded, reads_manifests
from kling_batch.cli.profiles import every_profile
from kling_batch.errors import UsageError
from kling_batch.job import Job, Json, Key
from kling_batch.plan.select import Selection, selected
from kling_batch.plan.state import State
from kling_batch.report.complaints import complaints_github, complaints_json
from kling_batch.report.money import exact, several
from kling_batch.report.requests import job_json, jobs_csv, jobs_curl, jobs_yaml
from kling_batch.report.sarif import complaints_sarif
from kling_batch.text.diagnostic import Diagnostic, errors
from kling_batch.text.render import concise

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign


@click.command(epilog="Example: kling-batch validate manifests/*.yaml")
@click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...", type=click.Path())
@variables
@profile
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "concise", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How mistakes are told; json, github and sarif go to stdout.",
)
def validate(manifests: tuple[str, ...], variables: dict[str, str], profile: str, form: str) -> int:
    """Check manifests without network and without key, and say where and why they are wrong.

    A MANIFEST may be a folder of them. Each is checked in all its profiles, unless one is asked for.
    """
    found: list[Diagnostic] = []
    counted: list[Json] = []
    jobs = shots = 0
    for manifest in expanded(manifests):
        campaign, diagnostics = every_profile(Asked(manifest=manifest, variables=variables, profile=profile))
        found += diagnostics
        own = campaign.manifest.jobs if campaign else ()
        jobs, shots = jobs + len(own), shots + len({job.shot for job in own})
        counted.append({"manifest": manifest, "jobs": len(own), "ok": not errors(diagnostics)})
    wrong = len(errors(found))
    _tell(found, counted, form)
    if wrong:
        terminal.talk(f"{several(wrong, 'mistake')}; nothing was sent")
        return UsageError.exit_code
    if form in {"text", "concise"}:
        terminal.out(f"ok: {several(jobs, 'job')}, {several(shots, 'shot')}")
    return 0


def _tell(found: Sequence[Diagnostic], counted: list[Json], form: str) -> None:
    match form:
        case "json":
            terminal.out_json({"manifests": counted, "diagnostics": complaints_json(found)})
        case "github":
            terminal.out(complaints_github(found))
        case "sarif":
            terminal.out_json(complaints_sarif(found, kling_batch.__version__))
        case "concise":
            terminal.talk("".join(f"{concise(each)}\n" for each in found))
        case _:
            terminal.talk_diagnostics(found)


@click.command(epilog="Example: kling-batch render manifests/quickstart.yaml 'hero/lang=de*' --format curl")
@reads_manifests
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json", "csv", "curl"]),
    default="yaml",
    show_default=True,
    help="What is printed.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
def render(asks: tuple[Asked, ...], selection: Selection, *, form: str) -> int:
    """Print the expanded jobs of a manifest: each request as it will be sent, without sending it.

    A MANIFEST may be a folder of them. A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    read = campaigns(asks)
    check_selection(selection, read)
    found = [(asked.manifest, _meant(campaign, selection)) for asked, campaign in zip(asks, read, strict=True)]
    tables = [kling_batch.prices(campaign) for campaign in read]
    usd = [
        {job.key: exact(table.usd(job.request)) for job in jobs} for (_, jobs), table in zip(found, tables, strict=True)
    ]
    told: list[Json] = [
        {**({"manifest": name} if len(found) > 1 else {}), **job_json(job, prices[job.key])}
        for (name, jobs), prices in zip(found, usd, strict=True)
        for job in jobs
    ]
    match form:
        case "json":
            terminal.out_json(told)
        case "csv":
            from kling_batch.report.together import stacked  # noqa: PLC0415 - `validate` need not wait for it

            terminal.out(stacked([(name, jobs_csv(jobs, own)) for (name, jobs), own in zip(found, usd, strict=True)]))
        case "curl":
            terminal.out(
                jobs_curl([job for _, jobs in found for job in jobs], origin_of(asks[0].base_url or GATEWAY).base)
            )
        case _:
            terminal.out(jobs_yaml(told))
    return 0


def _meant(campaign: "Campaign", selection: Selection) -> list[Job]:
    """Return the jobs that a selection means; what the lock knows of them is asked only where `--state` is given."""
    states: Mapping[Key, State] = {}
    if selection.states:
        states = {change.key: change.state for change in kling_batch.plan(campaign).changes}
    jobs = campaign.manifest.jobs
    wanted = dataclasses.replace(selection, chosen=campaign.manifest.chosen)
    keys = selected(wanted, ((job.key, states.get(job.key, State.PENDING)) for job in jobs))
    return [job for job in jobs if job.key in keys]
