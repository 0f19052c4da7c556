"""What a person decides about the jobs of some manifests: judged job by job, written manifest by manifest."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import kling_batch
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked
from kling_batch.cli.choosing import campaigns
from kling_batch.cli.selection import check_selectors
from kling_batch.errors import UsageError
from kling_batch.plan.diff import Change
from kling_batch.plan.history import History
from kling_batch.plan.select import Selection, selected
from kling_batch.plan.wishes import Granted, Refused
from kling_batch.report.edits import edits_json, edits_text, refusals_text
from kling_batch.run.resolving import settle

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign

Judge = Callable[[Change, History], Granted | Refused]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answers for the jobs of one manifest."""

    manifest: str
    granted: tuple[Granted, ...]
    refused: tuple[Refused, ...]

    @property
    def is_against(self) -> bool:
        """Whether something was refused that is not already as it was asked to be."""
        return any(not each.is_so for each in self.refused)


def decide(
    asks: Sequence[Asked], selection: Selection, judge: Judge, *, all_or_none: bool = False
) -> tuple[Decision, ...]:
    """Grant what can be granted to the jobs that are meant, one write a manifest; or all of it or nothing at all."""
    read = campaigns(asks)
    check_said(read, selection)
    with ExitStack() as held:
        for campaign in read:
            held.enter_context(kling_batch.hold(campaign))
        plans = whole_plans(read, selection)
        decisions = [
            _judged(asked, campaign, meant(campaign, changes, selection), judge)
            for asked, campaign, changes in zip(asks, read, plans, strict=True)
        ]
        if all_or_none and any(each.is_against for each in decisions):
            decisions = [replace(each, granted=()) for each in decisions]
        for campaign, decision in zip(read, decisions, strict=True):
            if decision.granted:
                settle(campaign, [fact for each in decision.granted for fact in each.facts])
    return tuple(decisions)


def check_said(read: "Sequence[Campaign]", selection: Selection) -> None:
    """Raise `UsageError` where nothing says which jobs are meant."""
    if selection == Selection() and all(campaign.manifest.chosen is None for campaign in read):
        raise UsageError("say which jobs", help="a shot, a key, a pattern such as 'hero/lang=de*', or an option")


def tell(verb: str, decisions: Sequence[Decision], *, as_json: bool) -> int:
    """Print what was changed as data and what was not as talk; return 2 where only refusals came of it."""
    granted = [(each.manifest, one) for each in decisions for one in each.granted]
    refused = [(each.manifest, one) for each in decisions for one in each.refused]
    if as_json:
        terminal.out_json(edits_json(verb, granted, refused))
    else:
        terminal.out(edits_text(verb, [one for _, one in granted]))
        terminal.talk(refusals_text([one for _, one in refused]))
    if not (granted or refused):
        terminal.talk("no job is meant: nothing was changed")
    return UsageError.exit_code if not granted and any(each.is_against for each in decisions) else 0


def names(change: Change) -> "tuple[kling_batch.Key, ...]":
    """Return the keys by which people may mean a job: its own, and the one that the lock still has."""
    return (change.key, change.origin) if change.origin else (change.key,)


def whole_plans(read: "Sequence[Campaign]", selection: Selection) -> list[tuple[Change, ...]]:
    """Return what a plan does with all jobs of each campaign; raises `UsageError` for selectors that mean none."""
    plans = [kling_batch.plan(_whole(campaign)).changes for campaign in read]
    keys = [key for each in plans for change in each for key in names(change)]
    check_selectors((*selection.patterns, *selection.excluded), keys)
    return plans


def _whole(campaign: "Campaign") -> "Campaign":
    """Return the campaign without what `--where` chose: an orphan is one only beside all jobs."""
    return replace(campaign, manifest=replace(campaign.manifest, chosen=None))


def meant(campaign: "Campaign", changes: Sequence[Change], selection: Selection) -> list[Change]:
    """Return those of a campaign's changes that a selection means, by either of their names."""
    wanted = replace(selection, chosen=campaign.manifest.chosen)
    keys = selected(wanted, ((key, change.state) for change in changes for key in names(change)))
    return [change for change in changes if any(key in keys for key in names(change))]


def _judged(asked: Asked, campaign: "Campaign", changes: Sequence[Change], judge: Judge) -> Decision:
    history = History(kling_batch.state(campaign))
    answers = [judge(change, history) for change in changes]
    return Decision(
        manifest=asked.manifest,
        granted=tuple(each for each in answers if isinstance(each, Granted)),
        refused=tuple(each for each in answers if isinstance(each, Refused)),
    )
