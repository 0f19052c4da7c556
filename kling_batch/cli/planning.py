"""Verbs that hold manifests against their locks, without network: `plan` and `status`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

import kling_batch
from kling_batch.cli import saving, terminal
from kling_batch.cli.asked import Asked, redo_picked, retry
from kling_batch.cli.choosing import campaigns, check_selection, reads_manifests
from kling_batch.cli.picked import told_of_picks
from kling_batch.cli.selection import check_selectors
from kling_batch.plan.diff import Change
from kling_batch.plan.select import Selection, selected
from kling_batch.report.progress import work_of
from kling_batch.report.status import Status, status_of
from kling_batch.report.together import (
    Planned,
    plans_csv,
    plans_json,
    plans_markdown,
    plans_text,
    statuses_csv,
    statuses_json,
    statuses_text,
)
from kling_batch.run.picking import read_picks

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign

CHANGES_PENDING = 3


@click.command(epilog="Example: kling-batch plan manifests/quickstart.yaml --sandbox")
@reads_manifests
@retry
@redo_picked
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "md", "csv"]),
    default="text",
    show_default=True,
    help="What is printed; md is for pull requests.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan, for `run` of that file."
)
@click.option("--exit-code", is_flag=True, help="End with 3 if a run would do something.")
def plan(
    asks: tuple[Asked, ...],
    selection: Selection,
    *,
    retry: str | None,
    redo_picked: bool,
    form: str,
    output: Path | None,
    exit_code: bool,
) -> int:
    """Show what a run would do with each job, why, and what it would cost. Needs no network and no key.

    A MANIFEST may be a folder of them. A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    read = campaigns(asks)
    check_selection(selection, read)
    parts = [
        Planned(
            manifest=asked.manifest,
            plan=kling_batch.plan(campaign, only=selection, retry_rejected=retry is not None, redo_picked=redo_picked),
            prices=kling_batch.prices(campaign),
        )
        for asked, campaign in zip(asks, read, strict=True)
    ]
    if selection == Selection():
        for each, campaign in zip(parts, read, strict=True):
            if campaign.manifest.chosen is None:  # else most picks are of jobs that nobody asked about
                told_of_picks(campaign, each.plan.changes)
    match form:
        case "json":
            terminal.out_json(plans_json(parts))
        case "csv":
            terminal.out(plans_csv(parts))
        case "md":
            terminal.out(plans_markdown(parts))
        case _:
            terminal.out(plans_text(parts))
    if output is not None:
        saving.save(output, asks, parts, retry_rejected=retry is not None, redo_picked=redo_picked)
    return CHANGES_PENDING if exit_code and any(work_of(each.plan.changes) for each in parts) else 0


@click.command(epilog="Example: kling-batch status manifests/quickstart.yaml --state failed")
@reads_manifests
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "csv", "junit"]),
    default="text",
    show_default=True,
    help="What is printed; junit is for a CI.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
def status(asks: tuple[Asked, ...], selection: Selection, *, form: str) -> int:
    """Show where every job stands, as lock and journal know it, and what has been spent.

    A MANIFEST may be a folder of them. A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    read = campaigns(asks)
    every = [_every_change(campaign) for campaign in read]
    check_selectors((*selection.patterns, *selection.excluded), [change.key for one in every for change in one])
    for campaign, changes in zip(read, every, strict=True):
        told_of_picks(campaign, changes)
    parts = [_status(*part, selection) for part in zip(asks, read, every, strict=True)]
    match form:
        case "json":
            terminal.out_json(statuses_json(parts))
        case "csv":
            terminal.out(statuses_csv(parts))
        case "junit":
            from kling_batch.report.junit import statuses_junit  # noqa: PLC0415 - its XML costs a plan 2 % of its start

            terminal.out(statuses_junit(parts))
        case _:
            terminal.out(statuses_text(parts))
    return 0


def _every_change(campaign: "Campaign") -> tuple[Change, ...]:
    """Return the changes of a whole campaign, whatever `--where` says: its money is that of all jobs."""
    manifest = dataclasses.replace(campaign.manifest, chosen=None)
    return kling_batch.plan(dataclasses.replace(campaign, manifest=manifest)).changes


def _status(asked: Asked, campaign: "Campaign", changes: Sequence[Change], selection: Selection) -> Status:
    wanted = dataclasses.replace(selection, chosen=campaign.manifest.chosen)
    meant = selected(wanted, ((change.key, change.state) for change in changes))
    lock = terminal.shown(campaign.places.lock)
    return status_of(asked.manifest, lock, changes, lambda change: change.key in meant, read_picks(campaign).picks)
