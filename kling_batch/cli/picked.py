"""What a verb tells of picks before its own answer: picks of jobs that nobody knows, and of videos long replaced."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kling_batch.cli import terminal
from kling_batch.plan.diff import Change
from kling_batch.plan.history import result_of
from kling_batch.plan.picks import overtaken, strangers
from kling_batch.run.picking import read_picks

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign


def told_of_picks(campaign: "Campaign", changes: Sequence[Change]) -> None:
    """Warn of picks that say nothing about a result, by all changes of a campaign."""
    picks, place = read_picks(campaign), campaign.places.picks.name
    if not picks.picks:
        return
    known = [name for change in changes for name in (change.key, change.origin) if name]
    videos = {change.key: result_of(change.record) for change in changes if change.record}
    sums = {key: video.sha256 for key, video in videos.items() if video}
    terminal.talk_diagnostics((*strangers(picks, known, place), *overtaken(picks, sums, place)))
