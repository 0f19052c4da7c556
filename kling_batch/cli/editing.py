"""Verbs that edit the lock by a person's word, without network: `redo`, `accept`, `forget` and `mv`."""

from collections.abc import Callable, Sequence

import rich_click as click

import kling_batch
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, reads_manifest
from kling_batch.cli.selection import meant_by
from kling_batch.errors import UsageError
from kling_batch.events import Moved
from kling_batch.job import Key
from kling_batch.plan.diff import Change
from kling_batch.plan.history import History
from kling_batch.plan.renaming import new_keys
from kling_batch.plan.wishes import Granted, Refused, redraw
from kling_batch.plan.wishes import accept as accepted
from kling_batch.plan.wishes import forget as forgotten
from kling_batch.report.edits import edits_json, edits_text, refusals_text, renames_json, renames_text
from kling_batch.run.resolving import settle

MOST_REASON = 500  # characters that a lock keeps of a reason


def _reason(context: click.Context, parameter: click.Parameter, given: str) -> str:
    del context, parameter
    if len(given) > MOST_REASON or not given.isprintable():
        raise click.BadParameter(f"is not one line of at most {MOST_REASON} characters")
    return given.strip()


because = click.option(
    "--reason", default="", metavar="TEXT", callback=_reason, help="Why, in a few words; the lock keeps it."
)
as_data = click.option("--json", "as_json", is_flag=True, help="Print data for programs.")
meant = click.argument("selectors", nargs=-1, required=True, metavar="SELECTOR...")


@click.command(epilog="Example: kling-batch redo manifests/spring.yaml 'hero/lang=de*' --reason 'too dark'")
@reads_manifest
@meant
@because
@as_data
def redo(asked: Asked, *, selectors: tuple[str, ...], reason: str, as_json: bool) -> int:
    """Ask for another draw of finished or lost jobs: the next run buys them, the old file is kept beside the new.

    Nothing is sent and nothing paid now. A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    return _decide("redo", asked, selectors, lambda change, history: redraw(change, history, reason), as_json=as_json)


@click.command(epilog="Example: kling-batch accept manifests/spring.yaml hero/lang=de#1 --reason 'only a comma'")
@reads_manifest
@meant
@because
@as_data
def accept(asked: Asked, *, selectors: tuple[str, ...], reason: str, as_json: bool) -> int:
    """Let the videos that are there be what the manifest asks for by now, so that an edit buys nothing.

    It takes back a redo too. A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    return _decide(
        "accept", asked, selectors, lambda change, history: accepted(change, history, reason), as_json=as_json
    )


@click.command(epilog="Example: kling-batch forget manifests/spring.yaml old-shot --yes")
@reads_manifest
@meant
@because
@click.option("--yes", "-y", is_flag=True, help="Forget also what was paid for.")
@as_data
def forget(asked: Asked, *, selectors: tuple[str, ...], reason: str, yes: bool, as_json: bool) -> int:
    """Take jobs out of the lock; files stay where they are.

    What was paid for is forgotten only with --yes, and is then counted in no budget any more. A SELECTOR is a shot, a
    key, or a pattern over keys; it means jobs that are gone from the manifest too.
    """
    return _decide(
        "forget",
        asked,
        selectors,
        lambda change, _: forgotten(change, reason, also_paid=yes),
        as_json=as_json,
        all_or_none=True,
    )


def _decide(
    verb: str,
    asked: Asked,
    selectors: Sequence[str],
    judge: Callable[[Change, History], Granted | Refused],
    *,
    as_json: bool,
    all_or_none: bool = False,
) -> int:
    """Grant what can be granted to the jobs that are meant, in one write; with `all_or_none` nothing or everything."""
    campaign = asked.campaign()
    with kling_batch.hold(campaign):
        changes = meant_by(selectors, kling_batch.plan(campaign).changes)
        history = History(kling_batch.state(campaign))
        answers = [judge(change, history) for change in changes]
        refused = [each for each in answers if isinstance(each, Refused)]
        granted = [each for each in answers if isinstance(each, Granted)]
        is_against = any(not each.is_so for each in refused)
        if all_or_none and is_against:
            granted = []
        if granted:
            settle(campaign, [fact for each in granted for fact in each.facts])
    told(verb, granted, refused, as_json=as_json)
    return UsageError.exit_code if is_against and not granted else 0


def told(verb: str, granted: Sequence[Granted], refused: Sequence[Refused], *, as_json: bool) -> None:
    """Print what was changed as data, and what was not as talk."""
    if as_json:
        terminal.out_json(edits_json(verb, granted, refused))
        return
    terminal.out(edits_text(verb, granted))
    terminal.talk(refusals_text(refused))


@click.command(epilog="Example: kling-batch mv manifests/spring.yaml hero/lang=de hero/language=de")
@reads_manifest
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@because
@as_data
def mv(asked: Asked, *, old: str, new: str, reason: str, as_json: bool) -> int:
    """Rename jobs in the lock, beside the same rename in the manifest; their files move with the next run.

    OLD and NEW are both a shot (hero), an axis (hero/lang), an axis with a value (hero/lang=de), or a whole key. A
    rename alone needs no mv: what asks for the same is found again. One together with an edit does.
    """
    campaign = asked.campaign()
    with kling_batch.hold(campaign):
        jobs = kling_batch.state(campaign).jobs
        renamed, against = new_keys(jobs, old, new)
        if against:
            raise UsageError(f"{against}; nothing was changed", help="OLD and NEW as in `kling-batch mv --help`")
        settle(
            campaign,
            [
                Moved(key=to, origin=key, output=jobs[key].output or "", why=reason)
                for key, to in sorted(renamed.items())
            ],
        )
    known = {job.key for job in campaign.manifest.jobs}
    pairs = sorted(renamed.items())
    unknown: list[Key] = [to for _, to in pairs if to not in known]
    if as_json:
        terminal.out_json(renames_json(pairs, unknown))
    else:
        terminal.out(renames_text(pairs, unknown))
    return 0
