"""Verbs that settle what earlier runs left open: `refresh` asks the service, `resolve` takes a person's word for it."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Unpack

import rich_click as click

import kling_batch
from kling_batch.cli import carrying, service, terminal
from kling_batch.cli.asked import Asked
from kling_batch.cli.choosing import campaigns, reads_manifests
from kling_batch.cli.deciding import check_said, meant, whole_plans
from kling_batch.errors import UsageError
from kling_batch.job import TaskId
from kling_batch.plan.diff import Change
from kling_batch.plan.select import Selection
from kling_batch.report.progress import work_of
from kling_batch.report.settling import refresh_text, resolve_json, resolve_question, resolve_text
from kling_batch.run import resolving
from kling_batch.run.holding import catch_up
from kling_batch.run.resolving import Abandon, Adopt, Choice, Resubmit

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign


@click.command(epilog="Example: kling-batch refresh manifests/spring.yaml")
@reads_manifests
@service.proxy
@service.speed
@service.scenario
@carrying.as_json
@carrying.quiet
@carrying.otel
def refresh(asks: tuple[Asked, ...], selection: Selection, **manner: Unpack[carrying.Manner]) -> int:
    """Collect what is paid for and settle what is unsure, without ever submitting anything.

    What left the manifest while it was in flight is collected too. Where nothing is under way, nothing is asked.
    It ends with the codes of run; a timer may call it.
    """
    service.only_for_a_sandbox(asks[0], manner["speed"], manner["scenario"])
    manner["selectors"] = selection
    read = campaigns(asks)
    whole_plans(read, selection)  # it names selectors that mean no job
    return max(_refresh(asked, manner, campaign) for asked, campaign in zip(asks, read, strict=True))


def _refresh(asked: Asked, manner: carrying.Manner, campaign: "Campaign") -> int:
    with kling_batch.hold(campaign):
        plan = kling_batch.plan(campaign, only=manner["selectors"], reads_only=True)
        if not manner["quiet"]:
            carrying.tell(manner, refresh_text(plan.changes))
        if not work_of(plan.changes):
            catch_up(campaign)
            return carrying.at_rest(plan.changes)
        return carrying.carry_out(asked, manner, campaign, plan, service.key_of(asked))


@click.command(epilog="Example: kling-batch resolve manifests/spring.yaml 'hero/lang=de#1' --adopt tsk_vid_01H")
@reads_manifests
@click.option("--adopt", metavar="TASK", help="The job is this task of the service's own list.")
@click.option("--resubmit", is_flag=True, help="Let the next run send it again, under the same business id.")
@click.option("--abandon", is_flag=True, help="Count it as paid for, and never look at it again.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print data for programs.")
def resolve(
    asks: tuple[Asked, ...],
    selection: Selection,
    *,
    adopt: str | None,
    resubmit: bool,
    abandon: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Settle a job of which nobody knows whether it was paid for. Asks nothing of the service and sends nothing.

    Look in the service's own list of tasks first: a task with the job's prompt is adopted, and costs nothing more.
    A SELECTOR is a shot, a key, or a pattern over keys; only unsure jobs are settled, of all manifests together.
    """
    choice = _choice(adopt, resubmit=resubmit, abandon=abandon)
    read = campaigns(asks)
    check_said(read, selection)
    with ExitStack() as held:
        for campaign in read:
            held.enter_context(kling_batch.hold(campaign))
        plans = whole_plans(read, selection)
        jobs = resolving.unsure([meant(*part, selection) for part in zip(read, plans, strict=True)])
        facts = resolving.decided(choice, jobs, selection.patterns, [kling_batch.state(each) for each in read])
        if isinstance(choice, Resubmit) and not (yes or service.agreed(_question(jobs), otherwise=_UNCHANGED)):
            terminal.talk(_UNCHANGED)
            return UsageError.exit_code
        for campaign, own in zip(read, facts, strict=True):
            if own:
                resolving.settle(campaign, own)
        _tell(asks, read, jobs, choice, as_json=as_json)
    return 0


def _question(jobs: Sequence[Sequence[Change]]) -> str:
    return resolve_question(next(job for each in jobs for job in each))


_UNCHANGED = "nothing was changed"


def _choice(adopt: str | None, *, resubmit: bool, abandon: bool) -> Choice:
    chosen: list[Choice] = [Adopt(task=TaskId(adopt))] if adopt is not None else []
    chosen += [Resubmit()] * resubmit
    chosen += [Abandon()] * abandon
    if len(chosen) != 1:
        raise UsageError(
            "say what is to become of it: exactly one of `--adopt TASK`, `--abandon` and `--resubmit`",
            help="look in the service's own list of tasks first; a task found there is adopted, and costs nothing more",
        )
    return chosen[0]


def _tell(
    asks: Sequence[Asked],
    read: "Sequence[Campaign]",
    jobs: Sequence[Sequence[Change]],
    choice: Choice,
    *,
    as_json: bool,
) -> None:
    word = type(choice).__name__.lower()
    records = [kling_batch.state(campaign).jobs for campaign in read]
    settled = [
        (asked, [(job, own[job.origin or job.key]) for job in each])
        for asked, own, each in zip(asks, records, jobs, strict=True)
    ]
    if as_json:
        terminal.out_json_each([(asked.manifest, resolve_json(each, word)) for asked, each in settled])
    else:
        told = [(asked, each) for asked, each in settled if each]
        terminal.out_each(
            [(asked.manifest, resolve_text(each, word, asked.manifest, asked.flags)) for asked, each in told]
        )
