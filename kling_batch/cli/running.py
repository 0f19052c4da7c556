"""The verb that spends: `run` shows the plan, asks, and carries it out against the service or the sandbox."""

import dataclasses
from decimal import Decimal
from typing import Unpack

import rich_click as click

import kling_batch
from kling_batch.cli import carrying, service, terminal
from kling_batch.cli.asked import Asked, reads_manifest, retry, selectors
from kling_batch.cli.figures import Usd
from kling_batch.cli.selection import check_selectors
from kling_batch.errors import UsageError
from kling_batch.plan.diff import Action
from kling_batch.report.plan_text import budget_line, plan_text, totals
from kling_batch.report.progress import work_of
from kling_batch.run.holding import catch_up

CHANGES_PENDING = 3
_NEW = frozenset({Action.CREATE, Action.REDO})


class Wish(carrying.Manner):
    """What was said about a run, beside the manifest."""

    only: tuple[str, ...]
    yes: bool
    budget: Decimal | None
    limit: int | None
    max_failures: int | None
    locked: bool
    retry: str | None


@click.command(epilog="Example: kling-batch run manifests/quickstart.yaml --sandbox --yes")
@reads_manifest
@selectors
@click.option("--only", multiple=True, metavar="SELECTOR", help="The same as a SELECTOR; may be repeated.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--budget", type=Usd(), help="Spend at most so much in this run.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Submit at most so many jobs in this run.")
@click.option("--max-failures", type=click.IntRange(min=1), metavar="N", help="Stop after so many failures in a row.")
@click.option("--locked", is_flag=True, help="Buy nothing new: end with 3 if that would be needed.")
@retry
@service.proxy
@service.speed
@service.scenario
@carrying.as_json
@carrying.quiet
def run(asked: Asked, **wish: Unpack[Wish]) -> int:
    """Make the videos of a manifest: show the plan and its price, ask, submit, collect.

    What is done already is kept, what an earlier run left under way is collected, nothing is paid for twice.
    A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    Ctrl-C stops in good order; the same command goes on later.
    """
    service.only_for_a_sandbox(asked, wish["speed"], wish["scenario"])
    wish["selectors"] += wish["only"]
    campaign = asked.campaign()
    terminal.talk_diagnostics(campaign.warnings)
    check_selectors(wish["selectors"], [job.key for job in campaign.manifest.jobs])
    with kling_batch.hold(campaign):
        plan = kling_batch.plan(
            campaign,
            only=wish["selectors"],
            retry_rejected=wish["retry"] is not None,
            budget=wish["budget"],
            limit=wish["limit"],
        )
        if wish["max_failures"] is not None:
            settings = dataclasses.replace(plan.settings, max_failures=wish["max_failures"])
            plan = dataclasses.replace(plan, settings=settings)
        return _run(asked, wish, campaign, plan)


def _run(asked: Asked, wish: Wish, campaign: "kling_batch.Campaign", plan: "kling_batch.Plan") -> int:
    prices = kling_batch.prices(campaign)
    if not wish["quiet"]:
        carrying.tell(wish, plan_text(plan.changes, prices) + budget_line(plan))
    if not work_of(plan.changes):
        catch_up(campaign)
        return carrying.at_rest(plan.changes)
    if wish["locked"] and any(change.action in _NEW for change in plan.changes):
        return CHANGES_PENDING
    key = service.key_that_may_spend(asked)
    if not (wish["yes"] or service.agreed(totals(plan.changes, prices))):
        terminal.talk("nothing was sent")
        return UsageError.exit_code
    return carrying.carry_out(asked, wish, campaign, plan, key)
