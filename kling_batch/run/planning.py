"""What lock and journal know together, and the plan that follows from it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from kling_batch import store
from kling_batch.errors import StateError
from kling_batch.job import MODEL
from kling_batch.plan.diff import Action, Change, FileState, Outlook, Plan, compare
from kling_batch.plan.lockfile import LIMIT, Lock, belongs
from kling_batch.plan.record import Record, committed
from kling_batch.plan.select import Selection, selected, selection_of
from kling_batch.run.healing import read_lock
from kling_batch.run.picking import read_picks
from kling_batch.run.refreshing import refreshing
from kling_batch.run.replay import Replayed, recovered, replay
from kling_batch.run.shelf import Shelf
from kling_batch.run.workspace import Campaign, prices
from kling_batch.text.decode import decode
from kling_batch.text.uncollected import uncollected


def lock_of(campaign: Campaign) -> tuple[Lock | None, bytes]:
    """Return what the lock file says, and its bytes, if there is one. Raises `StateError` where it is damaged."""
    places, content = campaign.places, lock_bytes(campaign)
    if content is None:
        return None, b""
    source, complaints = decode(places.lock.name, content, limit=LIMIT)
    lock, told = read_lock(source, campaign.manifest.jobs) if source else (None, ())
    foreign = belongs(lock, campaign.manifest.project, campaign.service, place=places.lock.name) if lock else ()
    if lock is None or foreign:
        raise StateError(
            f"the lock `{places.lock.name}` cannot be used; nothing was sent, nothing overwritten",
            help=f"`git checkout -- {places.lock.name}` brings the last committed one back",
            diagnostics=(*complaints, *told, *foreign),
        )
    return lock, content


def lock_bytes(campaign: Campaign) -> bytes | None:
    """Return the bytes of the lock file, `None` if there is no file. Raises `StateError` where it cannot be read."""
    lock = campaign.places.lock
    try:
        return store.read_bytes(lock, LIMIT, follow=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = "it is a symbolic link" if lock.is_symlink() else error.strerror or str(error)
        raise StateError(f"cannot read `{lock.name}`: {why}", help="put a file in its place") from error


def journal_of(campaign: Campaign, content: bytes) -> Replayed:
    """Return what the journal says beyond a lock of that content. Raises `StateError` if damaged or foreign."""
    return replay(campaign.places.journal, campaign.manifest.project, campaign.service, content)


def state(campaign: Campaign) -> Lock:
    """Return what lock and journal together know. Raises `StateError` where either is damaged or foreign."""
    lock, content = lock_of(campaign)
    return recovered(lock, journal_of(campaign, content), campaign.manifest.project, campaign.service)


@uncollected()
def plan(
    campaign: Campaign,
    *,
    only: Sequence[str] | Selection = (),
    retry_rejected: bool = False,
    redo_picked: bool = False,
    budget: Decimal | None = None,
    limit: int | None = None,
    reads_only: bool = False,
    clock: Callable[[], float] = time.time,
) -> Plan:
    """Hold a campaign's jobs against its lock, without network. `only` says which jobs; the rest as in `Plan`.

    A take that people picked is drawn anew only with `redo_picked`; raises `ManifestError` for damaged picks.

    `clock` gives Unix seconds: what a link's end is held against.

    A plan that `reads_only` settles and collects what earlier runs left at the service, and sends nothing.
    """
    lock = state(campaign)
    manifest = campaign.manifest
    outlook = Outlook(
        now=clock(),
        file=_files(campaign.seen),
        retries=manifest.run.retries,
        retry_rejected=retry_rejected,
        picks=read_picks(campaign).picks,
        redo_picked=redo_picked,
    )
    changes = compare(manifest.jobs, lock, prices(campaign), outlook)
    selection = selection_of(only, manifest.chosen)
    if selection != Selection():
        wanted = selected(selection, ((each.key, each.state) for each in changes))
        changes = tuple(each for each in changes if each.key in wanted)
    changes = tuple(_free(each, lock, campaign) for each in changes)
    planned = Plan(
        project=manifest.project,
        service=campaign.service,
        changes=changes,
        settings=manifest.run,
        spent=committed(lock.jobs),
        look_up=lock.look_up == MODEL,
        budget=budget,
        limit=limit,
    )
    return refreshing(planned) if reads_only else planned


def _free(change: Change, lock: Lock, campaign: Campaign) -> Change:
    """Return the change, blocked if a file that is not of the job lies where its video would go: nothing is bought.

    A file that a cut-off move has left there goes back to its own place first.
    """
    if not change.pays or change.job is None:
        return change
    output = change.job.output
    records = (change.record, *change.record.past) if change.record else ()
    ours = {each.sha256 for each in records if each.sha256}
    outputs = campaign.places.outputs
    path = outputs / output
    if not path.exists():
        return change
    sha256 = store.sha256_of(path) if path.is_file() else ""
    if sha256 in ours:
        return change
    home = _home_of(sha256, lock, outputs)
    if home:
        return replace(change, stray=home)
    beside = Shelf(root=outputs).sidecar(output)
    if beside and beside.get("key") == change.key and campaign.owns(beside):
        because = f"a video of this job that no record knows lies at `{output}`: `recover` takes it in, or move it away"
    else:
        because = f"a file that is not of this job lies at `{output}`: move it away"
    return replace(change, action=Action.BLOCKED, because=because, pays=False, usd=None)


def _home_of(sha256: str, lock: Lock, outputs: Path) -> str:
    """Return where the lock has a video of that checksum that is not there now, or nothing."""
    draws = (each for record in lock.jobs.values() for each in (record, *record.past))
    homes = (each.output for each in draws if each.sha256 == sha256 and each.output)
    return next((home for home in homes if not (outputs / home).exists()), "")


def _files(seen: store.Seen) -> Callable[[Record], FileState]:
    there: dict[str, bool] = {}

    def is_there(folder: str) -> bool:  # another clone has no folder at all: one question, not one for each file
        if folder not in there:
            there[folder] = seen.has_folder(folder)
        return there[folder]

    def look(record: Record) -> FileState:
        output = record.output
        found = None if output is None or not is_there(output.rpartition("/")[0]) else seen.sha256_of(output)
        if found is None:
            return FileState.ABSENT
        return FileState.SAME if found == (record.bytes, record.sha256) else FileState.DIFFERENT

    return look
