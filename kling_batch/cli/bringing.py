"""Verbs about files beside the lock's own: `import` takes in what was made elsewhere, `prune` throws leftovers away."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

import kling_batch
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, reads_manifest
from kling_batch.cli.choosing import campaigns, reads_manifests
from kling_batch.cli.deciding import Decision, meant, names, tell, whole_plans
from kling_batch.cli.editing import as_data, because
from kling_batch.cli.selection import check_selectors
from kling_batch.errors import UsageError
from kling_batch.events import Fact, Redrawn
from kling_batch.job import Key, TaskId
from kling_batch.plan.decode import is_task_id
from kling_batch.plan.diff import Change
from kling_batch.plan.history import History
from kling_batch.plan.leftover import Leftover, leftovers
from kling_batch.plan.leftover import unpicked as losers
from kling_batch.plan.record import Record
from kling_batch.plan.select import Selection
from kling_batch.plan.wishes import Granted, Refused, bring_in
from kling_batch.report.edits import leftovers_json, leftovers_text
from kling_batch.run.importing import bring
from kling_batch.run.picking import read_picks
from kling_batch.run.pruning import there, throw_away, trash_of, unneeded
from kling_batch.run.resolving import settle
from kling_batch.run.shelf import Shelf
from kling_batch.store import read_bytes

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign

LARGEST_LIST = 20_000_000  # bytes


@click.command(
    name="import",
    epilog="Example: kling-batch import manifests/spring.yaml hero/lang=de#1 tsk_vid_01H",
)
@reads_manifest
@click.argument("key", metavar="[KEY]", required=False)
@click.argument("task", metavar="[TASK]", required=False)
@click.option("--file", "listed", type=click.Path(path_type=Path), help="Many: `KEY TASK` or `KEY,TASK` a line.")
@click.option("--video", type=click.Path(path_type=Path), metavar="FILE", help="A video without a task; it is copied.")
@because
@as_data
def import_(
    asked: Asked,
    *,
    key: str | None,
    task: str | None,
    listed: Path | None,
    video: Path | None,
    reason: str,
    as_json: bool,
) -> int:
    """Take in what was made elsewhere as the result of a job: a task that the service knows, or a video file.

    Nothing is sent and nothing paid. A task is looked at by the next run or refresh, and its video collected; a video
    is copied to its place, checked, and is done. Either everything is taken in or nothing.
    """
    pairs = _pairs(key, task, listed, video)
    campaign = asked.campaign()
    with kling_batch.hold(campaign):
        changes = {change.key: change for change in kling_batch.plan(campaign).changes}
        _check_keys(pairs, changes)
        history = History(kling_batch.state(campaign))
        answers = [bring_in(changes[name], history, reason, each) for name, each in pairs]
        refused = tuple(each for each in answers if isinstance(each, Refused))
        is_against = any(not each.is_so for each in refused)
        granted = () if is_against else tuple(each for each in answers if isinstance(each, Granted))
        facts: list[Fact] = [fact for each in granted for fact in each.facts]
        if facts and video is not None:
            facts.append(_copied(campaign, changes[pairs[0][0]], facts[0], video))
        if facts:
            settle(campaign, facts)
    decision = Decision(manifest=asked.manifest, granted=granted, refused=refused)
    return tell("import", [decision], as_json=as_json)


_Pair = tuple[Key, TaskId | None]


def _pairs(key: str | None, task: str | None, listed: Path | None, video: Path | None) -> list[_Pair]:
    """Return which job gets which task, `None` for a video; raises `UsageError` unless exactly one way is said."""
    match key, task, listed, video:
        case str(), None, None, Path():
            return [(Key(key), None)]
        case str(), str(), None, None:
            pairs = [(key, task)]
        case None, None, Path(), None:
            pairs = list(_lines(listed))
        case _:
            raise UsageError("say what is to be taken in: `KEY TASK`, `KEY --video FILE`, or `--file FILE` alone")
    for _, each in pairs:
        if not is_task_id(each):
            raise UsageError(f"`{each}` is no task id", help="1 to 128 of A-Z, a-z, 0-9, `.`, `_`, `:` and `-`")
    named = Counter(word for pair in pairs for word in pair)
    twice = next((word for word, number in named.items() if number > 1), None)
    if twice is not None:
        raise UsageError(f"`{twice}` is named twice", help="one task is one video of one job")
    return [(Key(name), TaskId(each)) for name, each in pairs]


_LINE = re.compile(r"(\S+?)\s*[,;\s]\s*([^\s,;]+)")


def _lines(listed: Path) -> Iterator[tuple[str, str]]:
    """Yield key and task of each line: the task is its last word, for a key may hold commas; a header is left out."""
    try:
        text = read_bytes(listed, LARGEST_LIST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"`{listed}` cannot be read as text: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip().replace('"', "")
        if not words or words.startswith("#") or (number == 1 and words.replace(" ", ",") == "key,task"):
            continue
        found = _LINE.fullmatch(words)
        if found is None:
            raise UsageError(f"{listed}:{number}: this is not `KEY TASK`", help="a key and a task id on each line")
        yield found[1], found[2]


def _check_keys(pairs: Sequence[_Pair], changes: Mapping[Key, Change]) -> None:
    check_selectors([key for key, _ in pairs], list(changes))
    for key, _ in pairs:
        if key not in changes:
            raise UsageError(f"`{key}` is not one job's whole key", help="`render --format json` prints every key")


def _copied(campaign: "Campaign", change: Change, drawn: Fact, video: Path) -> Fact:
    assert change.job is not None  # noqa: S101 - it was granted, and only a job of the manifest is
    assert isinstance(drawn, Redrawn)  # noqa: S101 - as above
    return bring(video, campaign, change.job, change.record, drawn)


@click.command(epilog="Example: kling-batch prune manifests/spring.yaml --yes")
@reads_manifests
@click.option("--yes", "-y", is_flag=True, help="Move them; without it they are only listed.")
@click.option("--unpicked", is_flag=True, help="Also the takes beside one that is picked.")
@as_data
def prune(asks: tuple[Asked, ...], selection: Selection, *, yes: bool, unpicked: bool, as_json: bool) -> int:
    """List the files that are no job's result any more, and with --yes move them to the trash beside the journal.

    These are superseded generations and the videos of jobs that are gone from the manifest, each only while it is what
    the lock knows by checksum. A result is never touched, but with --unpicked that of a take of which another one, of
    the same shot and axis values, is picked and lies here; no run buys it again. What was picked itself is never moved.
    Reverting an edit restores nothing that was pruned.
    A MANIFEST may be a folder of them. A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    read = campaigns(asks)
    with ExitStack() as held:
        for campaign in read:
            held.enter_context(kling_batch.hold(campaign))
        plans = whole_plans(read, selection)
        pruned = [_pruned(*part, selection, yes=yes, unpicked=unpicked) for part in zip(read, plans, strict=True)]
    if as_json:
        data = [leftovers_json(found, is_gone=yes) for found, _ in pruned]
        terminal.out_json_each([(asked.manifest, each) for asked, each in zip(asks, data, strict=True)])
    else:
        bins = [terminal.shown(trash_of(campaign.places)) for campaign in read]
        told = [leftovers_text(found, trash, is_gone=yes) for (found, _), trash in zip(pruned, bins, strict=True)]
        terminal.out_each([(asked.manifest, each) for asked, each in zip(asks, told, strict=True)])
    for each in (each for _, changed in pruned for each in changed):
        terminal.talk(f"{each.output} is not the file that the lock knows, and stays")
    return 0


def _pruned(
    campaign: "Campaign", changes: Sequence[Change], selection: Selection, *, yes: bool, unpicked: bool
) -> tuple[Sequence[Leftover], Sequence[Leftover]]:
    """Return the leftovers of the jobs that are meant, moved with `yes`; and those where another file lies."""
    keys = {key for change in meant(campaign, changes, selection) for key in names(change)}
    shelf = Shelf(root=campaign.places.outputs)

    def is_here(video: Record) -> bool:
        return bool(video.output and video.sha256 and shelf.checksum(video.output) == video.sha256)

    lost = losers(changes, read_picks(campaign).picks, is_here) if unpicked else ()
    every = unneeded([each for each in (*leftovers(changes), *lost) if each.key in keys], campaign.places)
    found, changed = there(every, campaign.places)
    if yes and (facts := throw_away(every, campaign.places)):
        settle(campaign, list(facts))
    return found, changed
