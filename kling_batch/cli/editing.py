"""Verbs that edit the lock by a person's word, without network: `redo`, `accept`, `forget` and `mv`."""

import rich_click as click

import kling_batch
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, reads_manifest
from kling_batch.cli.choosing import reads_manifests
from kling_batch.cli.deciding import decide, tell
from kling_batch.errors import UsageError
from kling_batch.events import Moved
from kling_batch.job import Key
from kling_batch.plan.renaming import new_keys
from kling_batch.plan.select import Selection
from kling_batch.plan.wishes import accept as accepted
from kling_batch.plan.wishes import forget as forgotten
from kling_batch.plan.wishes import redraw
from kling_batch.report.edits import renames_json, renames_text
from kling_batch.run.picking import rename_picks
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


@click.command(epilog="Example: kling-batch redo manifests/spring.yaml 'hero/lang=de*' --reason 'too dark'")
@reads_manifests
@because
@as_data
def redo(asks: tuple[Asked, ...], selection: Selection, *, reason: str, as_json: bool) -> int:
    """Ask for another draw of finished or lost jobs: the next run buys them, the old file is kept beside the new.

    Nothing is sent and nothing paid now. A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    decisions = decide(asks, selection, lambda change, history: redraw(change, history, reason))
    return tell("redo", decisions, as_json=as_json)


@click.command(epilog="Example: kling-batch accept manifests/spring.yaml hero/lang=de#1 --reason 'only a comma'")
@reads_manifests
@because
@as_data
def accept(asks: tuple[Asked, ...], selection: Selection, *, reason: str, as_json: bool) -> int:
    """Let the videos that are there be what the manifest asks for by now, so that an edit buys nothing.

    It takes back a redo too. A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    decisions = decide(asks, selection, lambda change, history: accepted(change, history, reason))
    return tell("accept", decisions, as_json=as_json)


@click.command(epilog="Example: kling-batch forget manifests/spring.yaml old-shot --yes")
@reads_manifests
@because
@click.option("--yes", "-y", is_flag=True, help="Forget also what was paid for.")
@as_data
def forget(asks: tuple[Asked, ...], selection: Selection, *, reason: str, yes: bool, as_json: bool) -> int:
    """Take jobs out of the lock; files stay where they are.

    What was paid for is forgotten only with --yes, and is then counted in no budget any more. A SELECTOR is a shot, a
    key, or a pattern over keys; it means jobs that are gone from the manifest too.
    """
    decisions = decide(asks, selection, lambda change, _: forgotten(change, reason, also_paid=yes), all_or_none=True)
    return tell("forget", decisions, as_json=as_json)


@click.command(epilog="Example: kling-batch mv manifests/spring.yaml hero/lang=de hero/language=de")
@reads_manifest
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@because
@as_data
def mv(asked: Asked, *, old: str, new: str, reason: str, as_json: bool) -> int:
    """Rename jobs in the lock and the picks, beside the same rename in the manifest; files move with the next run.

    OLD and NEW are both a shot (hero), an axis (hero/lang), an axis with a value (hero/lang=de), or a whole key. A
    rename alone needs no mv: what asks for the same is found again. One together with an edit does.
    """
    campaign = asked.campaign()
    with kling_batch.hold(campaign):
        jobs = kling_batch.state(campaign).jobs
        renamed, against = new_keys(jobs, old, new)
        if against:
            raise UsageError(f"{against}; nothing was changed", help="OLD and NEW as in `kling-batch mv --help`")
        rename_picks(campaign, renamed)
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
