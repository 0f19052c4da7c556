"""The verb that spends: `run` shows the plan, asks, and carries it out against the service or the sandbox."""

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Unpack

import rich_click as click

import kling_batch
from kling_batch.cli import carrying, saving, service, terminal, traces
from kling_batch.cli.asked import Asked, redo_picked, retry
from kling_batch.cli.choosing import campaigns, check_selection, reads_manifests
from kling_batch.cli.figures import Usd
from kling_batch.cli.hook import tell_hook
from kling_batch.errors import KlingBatchError, UsageError
from kling_batch.job import Json
from kling_batch.plan.cost import total
from kling_batch.plan.diff import Action
from kling_batch.plan.saved import Saved
from kling_batch.plan.select import Selection
from kling_batch.report.money import exact, several
from kling_batch.report.money import total as sum_text
from kling_batch.report.progress import work_of
from kling_batch.report.together import Planned, plans_text, together
from kling_batch.run.holding import catch_up
from kling_batch.text.plain import plain

CHANGES_PENDING, ACCOUNT, INTERRUPTED = 3, 8, 130
MOST_NAMED = 5
_NEW = frozenset({Action.CREATE, Action.REDO})


class Wish(carrying.Manner):
    """What was said about a run, beside the manifests."""

    only: tuple[str, ...]
    yes: bool
    budget: Decimal | None
    limit: int | None
    max_failures: int | None
    locked: bool
    retry: str | None
    redo_picked: bool
    on_done: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One manifest of a run, read and planned."""

    asked: Asked
    campaign: "kling_batch.Campaign"
    plan: "kling_batch.Plan"

    @property
    def has_work(self) -> bool:
        """Whether there is anything to send, look at, fetch or move."""
        return bool(work_of(self.plan.changes))


@click.command(epilog="Example: kling-batch run manifests/quickstart.yaml --sandbox --yes")
@reads_manifests
@click.option("--only", multiple=True, metavar="SELECTOR", help="The same as a SELECTOR; may be repeated.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--budget", type=Usd(), help="Spend at most so much in this run.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Submit at most so many jobs in this run.")
@click.option("--max-failures", type=click.IntRange(min=1), metavar="N", help="Stop after so many failures in a row.")
@click.option("--locked", is_flag=True, help="Buy nothing new: end with 3 if that would be needed.")
@retry
@redo_picked
@service.proxy
@service.speed
@service.scenario
@service.painting
@carrying.as_json
@carrying.quiet
@carrying.otel
@click.option("--on-done", metavar="COMMAND", help="Shell command that gets a JSON summary on its standard input.")
def run(asks: tuple[Asked, ...], selection: Selection, **wish: Unpack[Wish]) -> int:
    """Make the videos of a manifest: show the plan and its price, ask, submit, collect.

    What is done already is kept, what an earlier run left under way is collected, nothing is paid for twice.
    A MANIFEST may be a folder of them, or a plan saved by plan -o, which is carried out exactly, without asking.
    Several run one after the other, on one budget. A SELECTOR is a shot, a key, or a pattern over keys such as
    'hero/lang=de*'. Ctrl-C stops in good order; the same command goes on later.
    """
    file = Path(asks[0].manifest)
    saved = saving.read(file)
    if saved is not None:
        _check_alone(asks, selection, wish)
        asks = saving.asks_of(saved, file)
    traces.check_extra(wanted=wish["otel"])
    service.only_for_a_sandbox(asks[0], wish["speed"], wish["scenario"], wish.get("paint"))
    selection = dataclasses.replace(selection, patterns=(*selection.patterns, *wish["only"]))
    wish["selectors"] = selection
    read = campaigns(asks)
    check_selection(selection, read)
    agreed = saved is not None or wish["yes"]
    if not service.may_begin(asks[0], agreed=agreed):
        parts = _parts(asks, read, wish, saved)
        if any(part.has_work for part in parts):
            return _run(parts, wish, agreed=agreed)  # it ends there, and not even a run lock was written
    with ExitStack() as held:
        for campaign in read:
            held.enter_context(kling_batch.hold(campaign))
        parts = _parts(asks, read, wish, saved)
        if not agreed and _wants_picked_anew(parts):
            wish["redo_picked"] = True
            parts = _parts(asks, read, wish, saved)
        return _run(parts, wish, agreed=agreed)


def _check_alone(asks: Sequence[Asked], selection: Selection, wish: Wish) -> None:
    """Raise `UsageError` where something was said beside a saved plan that would make it another one."""
    saving.only_itself(
        {
            "another manifest": len(asks) > 1,
            "selectors": selection != Selection() or bool(wish["only"]) or bool(asks[0].where),
            "`--retry`": wish["retry"] is not None,
            "`--redo-picked`": wish["redo_picked"],
            "`--sandbox`": asks[0].sandbox,
            "`--profile`": bool(asks[0].profile),
            "`--var`": bool(asks[0].variables),
            "`--output-root`": asks[0].output_root is not None,
        }
    )


def _parts(
    asks: Sequence[Asked], read: "Sequence[kling_batch.Campaign]", wish: Wish, saved: Saved | None
) -> tuple[Part, ...]:
    return tuple(
        Part(asked=asked, campaign=campaign, plan=_planned(campaign, wish, saved, at))
        for at, (asked, campaign) in enumerate(zip(asks, read, strict=True))
    )


def _wants_picked_anew(parts: Sequence[Part]) -> bool:
    """Ask about what is picked and would be drawn anew now; nobody is asked where there is nothing such."""
    held = [change for part in parts for change in part.plan.changes if change.mark == "picked"]
    if not (held and terminal.is_conversation()):
        return False
    money = sum_text(total(change.price for change in held))
    names = ", ".join(plain(change.key) for change in held[:MOST_NAMED]) + (", ..." if held[MOST_NAMED:] else "")
    question = f"{several(len(held), 'picked video')} changed since: {names}\nDraw them anew too, for {money}?"
    return click.confirm(question, default=False, err=True)


def _planned(campaign: "kling_batch.Campaign", wish: Wish, saved: Saved | None, at: int) -> "kling_batch.Plan":
    rejected = wish["retry"] is not None if saved is None else saved.retry_rejected
    picked = wish["redo_picked"] if saved is None else saved.redo_picked
    plan = kling_batch.plan(campaign, only=wish["selectors"], retry_rejected=rejected, redo_picked=picked)
    if saved is not None:
        plan = saving.exactly(plan, saved.plans[at])
    if wish["max_failures"] is not None:
        settings = dataclasses.replace(plan.settings, max_failures=wish["max_failures"])
        plan = dataclasses.replace(plan, settings=settings)
    return plan


def _run(parts: Sequence[Part], wish: Wish, *, agreed: bool) -> int:
    told = [
        Planned(manifest=each.asked.manifest, plan=each.plan, prices=kling_batch.prices(each.campaign))
        for each in parts
    ]
    if not wish["quiet"]:
        carrying.tell(wish, plans_text(told))
    if not any(each.has_work for each in parts):
        return _spend(parts, wish, key="")
    if wish["locked"] and any(change.action in _NEW for each in parts for change in each.plan.changes):
        return CHANGES_PENDING
    key = service.key_that_may_spend(parts[0].asked)
    if not (agreed or service.agreed(together(told))):
        terminal.talk("nothing was sent")
        return UsageError.exit_code
    return _spend(parts, wish, key)


def _spend(parts: Sequence[Part], wish: Wish, key: str) -> int:
    """Carry out one part after the other on what is left of budget and limit; return the gravest exit code."""
    ends: list[Json] = []
    codes, spent, submits = [0], Decimal(0), 0
    try:
        for part in parts:
            if len(parts) > 1:
                _name(part.asked.manifest, wish)
            outcome = _carried(part, wish, key, spent, submits)
            spent, submits = spent + outcome.spent, submits + outcome.submits
            codes.append(outcome.exit_code)
            ends.append(_end(part, outcome))
            if outcome.exit_code in {ACCOUNT, INTERRUPTED}:
                break  # neither the account nor the person will have changed for the next one
    except KlingBatchError as error:
        codes.append(error.exit_code)
        ends.append({"error": error.message})
        raise
    finally:
        if wish["on_done"] is not None:
            tell_hook(wish["on_done"], {"exit_code": max(codes), "usd": exact(spent), "manifests": ends})
    return max(codes)


def _name(manifest: str, wish: Wish) -> None:
    """Say which of several manifests what follows is about."""
    if wish["as_json"]:
        terminal.out_json({"event": "manifest", "manifest": manifest}, indent=None)
    elif not wish["quiet"]:
        terminal.out(f"\n{plain(manifest)}\n")


def _carried(part: Part, wish: Wish, key: str, spent: Decimal, submits: int) -> "kling_batch.Outcome":
    if not part.has_work:
        catch_up(part.campaign)
        code = carrying.at_rest(part.plan.changes)
        return kling_batch.Outcome(exit_code=code, reasons=(), counts={}, spent=Decimal(0))
    budget = None if wish["budget"] is None else max(Decimal(0), wish["budget"] - spent)
    limit = None if wish["limit"] is None else max(0, wish["limit"] - submits)
    plan = dataclasses.replace(part.plan, budget=budget, limit=limit)
    return carrying.carried(part.asked, wish, part.campaign, plan, key)


def _end(part: Part, outcome: "kling_batch.Outcome") -> Json:
    return {
        "manifest": part.asked.manifest,
        "project": part.plan.project,
        "exit_code": outcome.exit_code,
        "reasons": list(outcome.reasons),
        "counts": {state.value: number for state, number in outcome.counts.items()},
        "usd": exact(outcome.spent),
        "submits": outcome.submits,
    }
