"""A manifest's files on disk: where its lock, journal and outputs lie, and how they become a campaign and a plan."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from kling_batch import store
from kling_batch.api.origin import GATEWAY, service_of
from kling_batch.errors import ManifestError, StateError, UsageError
from kling_batch.job import Image
from kling_batch.manifest.load import load as load_manifest
from kling_batch.manifest.model import Manifest
from kling_batch.plan.cost import Prices, default_prices, with_overrides
from kling_batch.plan.diff import Action, Change, FileState, Outlook, Plan, compare
from kling_batch.plan.lockfile import Lock, belongs, parse
from kling_batch.plan.record import Record, State, committed
from kling_batch.plan.select import selector
from kling_batch.run.journal import DiskTape, Journal, Replayed, Tape, open_journal, recovered, replay
from kling_batch.run.shelf import Shelf
from kling_batch.text.decode import decode
from kling_batch.text.diagnostic import Diagnostic, errors

SANDBOX = "sandbox"
LARGEST_MANIFEST = 5_000_000  # bytes
LARGEST_FILE = 20_000_000  # bytes of a file that a manifest names


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The absolute paths of everything that belongs to one manifest."""

    manifest: Path
    lock: Path
    journal: Path
    run_lock: Path
    outputs: Path

    @property
    def own(self) -> Path:
        """The folder that ignores itself for git."""
        return self.journal.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A manifest, expanded and checked, with its places and the warnings that came with it.

    `service` is what the lock is bound to: the gateway's origin, or `sandbox`.
    """

    manifest: Manifest
    places: Places
    service: str
    warnings: tuple[Diagnostic, ...] = ()


def load(
    path: str | Path,
    *,
    variables: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    base_url: str | None = None,
    sandbox: bool = False,
    output_root: str | Path | None = None,
) -> Campaign:
    """Read a manifest and everything that it names.

    `variables` override declared ones, `env` is what `env()` in a template may see. `base_url` is the service's, by
    default the real gateway's; with `sandbox` the campaign has a lock and outputs of its own. Raises `ManifestError`
    with every diagnostic of the stage that failed, and `UsageError` where the outputs would lie outside the project.
    """
    shown = str(path)
    place = Path(path).absolute()
    try:
        content = store.read_bytes(place, LARGEST_MANIFEST)
    except OSError as error:
        why = Diagnostic(code="no-manifest", message=f"cannot read it: {error.strerror or error}", place=shown)
        raise ManifestError((why,)) from error
    source, complaints = decode(shown, content)
    if source is None:
        raise ManifestError(complaints)
    manifest, told = load_manifest(source, read=_reader(place.parent), env=env or {}, variables=variables or {})
    if manifest is None or errors(told):
        raise ManifestError((*complaints, *told))
    return Campaign(
        manifest=manifest,
        places=_places(place, manifest, sandbox=sandbox, output_root=output_root),
        service=SANDBOX if sandbox else service_of(base_url or GATEWAY),
        warnings=(*complaints, *told),
    )


def _reader(folder: Path) -> Callable[[str], bytes]:
    def read(relative: str) -> bytes:
        try:
            return store.read_bytes(store.below(folder, relative), LARGEST_FILE, follow=False)
        except StateError as error:
            raise PermissionError(13, error.message, relative) from error

    return read


def read_image(folder: Path, image: Image) -> bytes:
    """Return a local image as it was planned; raises `OSError` where it cannot be read or has changed since."""
    content = _reader(folder)(image.url)
    if hashlib.sha256(content).hexdigest() != image.sha256:
        raise OSError(f"`{image.url}` has changed since the plan was made")
    return content


def _places(manifest: Path, read: Manifest, *, sandbox: bool, output_root: str | Path | None) -> Places:
    stem = f"{manifest.stem}.{SANDBOX}" if sandbox else manifest.stem
    own = manifest.parent / ".kling-batch"
    if output_root is not None:
        outputs = Path(output_root).absolute()
    else:
        outputs = _inside(manifest.parent, read.root)
        outputs = outputs.with_name(f"{outputs.name}.{SANDBOX}") if sandbox else outputs
    return Places(
        manifest=manifest,
        lock=manifest.parent / f"{stem}.lock.json",
        journal=own / f"{stem}.journal.jsonl",
        run_lock=own / f"{stem}.run.lock",
        outputs=outputs,
    )


def _inside(folder: Path, root: str) -> Path:
    """Return the output root, which has to lie inside the project: the git checkout, or the manifest's folder."""
    real = folder.resolve()
    project = next((each for each in (real, *real.parents) if (each / ".git").exists()), real)
    outputs = (folder / root).resolve()
    if outputs == project or project not in outputs.parents:
        raise UsageError(
            f"`output.root` leads to `{outputs}`, outside the project",
            help=f"keep it below `{project}`, or allow another place with `--output-root`",
        )
    return outputs


def prices(campaign: Campaign) -> Prices:
    """Return the price table that counts for a campaign: its own `prices:` first, then the dated table."""
    return with_overrides(default_prices(), campaign.manifest.prices)


def lock_of(campaign: Campaign) -> tuple[Lock | None, bytes]:
    """Return what the lock file says, and its bytes, if there is one. Raises `StateError` where it is damaged."""
    places = campaign.places
    try:
        content = store.read_bytes(places.lock, 200_000_000)
    except FileNotFoundError:
        return None, b""
    except OSError as error:
        raise StateError(f"cannot read `{places.lock.name}`: {error.strerror or error}") from error
    source, complaints = decode(places.lock.name, content)
    lock, told = parse(source) if source else (None, ())
    foreign = belongs(lock, campaign.manifest.project, campaign.service, place=places.lock.name) if lock else ()
    if lock is None or foreign:
        raise StateError(
            f"the lock `{places.lock.name}` cannot be used; nothing was sent, nothing overwritten",
            help=f"`git checkout -- {places.lock.name}` brings the last committed one back",
            diagnostics=(*complaints, *told, *foreign),
        )
    return lock, content


def journal_of(campaign: Campaign, content: bytes) -> Replayed:
    """Return what the journal says beyond a lock of that content. Raises `StateError` if damaged or foreign."""
    return replay(campaign.places.journal, campaign.manifest.project, campaign.service, content)


def state(campaign: Campaign) -> Lock:
    """Return what lock and journal together know. Raises `StateError` where either is damaged or foreign."""
    lock, content = lock_of(campaign)
    return recovered(lock, journal_of(campaign, content), campaign.manifest.project, campaign.service)


@contextmanager
def journal(
    campaign: Campaign, plan: Plan, tape: Callable[[store.Appender], Tape] = DiskTape
) -> Iterator[tuple[Lock, Journal]]:
    """Open the journal for a run of a plan, and say what lock and journal know; to be held while this is open.

    Raises `StateError` where what the plan was made from has changed since, or where both lock and journal are gone and
    the outputs show that there was a campaign.
    """
    lock, content = lock_of(campaign)
    replayed = journal_of(campaign, content)
    if lock is None and not replayed.size and (video := _orphaned(campaign)):
        raise StateError(
            f"there is no lock and no journal, but `{video}` was made by this project: nothing was sent",
            help=f"bring `{campaign.places.lock.name}` back from git, or rebuild it with `kling-batch recover`",
        )
    known = recovered(lock, replayed, campaign.manifest.project, campaign.service)
    for change in plan.changes:
        if known.jobs.get(change.origin or change.key) != change.record:
            raise StateError(
                f"`{change.key}` is not what it was when the plan was made; nothing was sent",
                help="plan again: somebody else has run this campaign since",
            )
    book, file = open_journal(campaign.places.journal, replayed, lock=known, content=content, tape=tape)
    try:
        yield known, book
    finally:
        file.close()


def _orphaned(campaign: Campaign) -> str:
    """Return a video below the outputs whose sidecar is of this project, if there is one."""
    shelf = Shelf(root=campaign.places.outputs)
    for path in sorted(campaign.places.outputs.rglob("*.mp4.json")):
        output = path.relative_to(campaign.places.outputs).as_posix().removesuffix(".json")
        beside = shelf.sidecar(output)
        if beside is not None and beside.get("project") == campaign.manifest.project:
            return output
    return ""


def plan(
    campaign: Campaign,
    *,
    only: Sequence[str] = (),
    retry_rejected: bool = False,
    budget: Decimal | None = None,
    limit: int | None = None,
) -> Plan:
    """Hold a campaign's jobs against its lock, without network. `only` are selectors; the rest as in `Plan`."""
    lock = state(campaign)
    manifest = campaign.manifest
    outlook = Outlook(
        now=time.time(),
        file=_files(campaign.places.outputs),
        retries=manifest.run.retries,
        retry_rejected=retry_rejected,
    )
    changes = compare(manifest.jobs, lock, prices(campaign), outlook)
    if only:
        wanted = selector(only)
        changes = tuple(each for each in changes if wanted(each.key, _state_of(each)))
    changes = tuple(_free(each, campaign.places.outputs) for each in changes)
    return Plan(
        project=manifest.project,
        service=campaign.service,
        changes=changes,
        settings=manifest.run,
        spent=committed(lock.jobs),
        look_up=lock.look_up is not None,
        budget=budget,
        limit=limit,
    )


def _state_of(change: Change) -> State:
    return change.record.state if change.record else State.PENDING


def _free(change: Change, outputs: Path) -> Change:
    """Return the change, blocked if a file that is not of the job lies where its video would go: nothing is bought."""
    if not change.pays or change.job is None:
        return change
    output = change.job.output
    records = (change.record, *change.record.past) if change.record else ()
    ours = {each.sha256 for each in records if each.sha256}
    path = outputs / output
    if not path.exists() or (ours and path.is_file() and store.sha256_of(path) in ours):
        return change
    because = f"a file that is not of this job lies at `{output}`: move it away"
    return replace(change, action=Action.BLOCKED, because=because, pays=False, usd=None)


def _files(outputs: Path) -> Callable[[Record], FileState]:
    def look(record: Record) -> FileState:
        if record.output is None:
            return FileState.ABSENT
        path = outputs / record.output
        if not path.is_file():
            return FileState.ABSENT
        if path.stat().st_size != record.bytes or store.sha256_of(path) != record.sha256:
            return FileState.DIFFERENT
        return FileState.SAME

    return look


@contextmanager
def hold(campaign: Campaign) -> Iterator[None]:
    """Be the one runner of this lock while the block lasts; raises `LockHeldError`. May be nested."""
    store.own_folder(campaign.places.own)
    with store.RunLock(campaign.places.run_lock):
        yield
