"""Verbs that hold a manifest against its lock, without network: `plan` and `status`."""

from collections.abc import Sequence

import rich_click as click

import kling_batch
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, reads_manifest, retry, selectors
from kling_batch.cli.selection import check_selectors
from kling_batch.plan.record import State
from kling_batch.plan.select import selector
from kling_batch.report.plan_data import plan_csv, plan_json, plan_markdown
from kling_batch.report.plan_text import budget_line, plan_text
from kling_batch.report.progress import work_of
from kling_batch.report.status import state_of, status_json, status_of, status_text

CHANGES_PENDING = 3


@click.command(epilog="Example: kling-batch plan manifests/quickstart.yaml --sandbox")
@reads_manifest
@selectors
@retry
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "md", "csv"]),
    default="text",
    show_default=True,
    help="What is printed; md is for pull requests.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--exit-code", is_flag=True, help="End with 3 if a run would do something.")
def plan(asked: Asked, *, selectors: tuple[str, ...], retry: str | None, form: str, exit_code: bool) -> int:
    """Show what a run would do with each job, why, and what it would cost. Needs no network and no key.

    A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    campaign = asked.campaign()
    terminal.talk_diagnostics(campaign.warnings)
    check_selectors(selectors, [job.key for job in campaign.manifest.jobs])
    planned = kling_batch.plan(campaign, only=selectors, retry_rejected=retry is not None)
    changes, prices = planned.changes, kling_batch.prices(campaign)
    match form:
        case "json":
            terminal.out_json(plan_json(changes))
        case "csv":
            terminal.out(plan_csv(changes))
        case "md":
            terminal.out(plan_markdown(changes, prices))
        case _:
            terminal.out(plan_text(changes, prices) + budget_line(planned))
    return CHANGES_PENDING if exit_code and work_of(changes) else 0


@click.command(epilog="Example: kling-batch status manifests/quickstart.yaml --state failed")
@reads_manifest
@selectors
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([each.value for each in State]),
    help="Only jobs in this state; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print data for programs.")
def status(asked: Asked, *, selectors: tuple[str, ...], states: Sequence[str], as_json: bool) -> int:
    """Show where every job stands, as lock and journal know it, and what has been spent.

    A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    campaign = asked.campaign()
    changes = kling_batch.plan(campaign).changes
    check_selectors(selectors, [change.key for change in changes])
    means = selector(selectors, [State(each) for each in states])
    lock = terminal.shown(campaign.places.lock)
    told = status_of(asked.manifest, lock, changes, lambda change: means(change.key, state_of(change)))
    if as_json:
        terminal.out_json(status_json(told))
    else:
        terminal.out(status_text(told))
    return 0
