"""A manifest's files on disk: where its lock, journal and outputs lie, and how they become a campaign and a plan."""

import errno
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kling_batch import store
from kling_batch.api.origin import GATEWAY, service_of
from kling_batch.errors import ManifestError, StateError
from kling_batch.job import Image, Json
from kling_batch.manifest.load import load as load_manifest
from kling_batch.manifest.model import Manifest
from kling_batch.plan.cost import Prices, default_prices, with_overrides
from kling_batch.text.decode import MAX_BYTES, decode, too_large
from kling_batch.text.diagnostic import Diagnostic, errors
from kling_batch.text.render import did_you_mean
from kling_batch.text.uncollected import uncollected

SANDBOX = "sandbox"
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
    def seen(self) -> Path:
        """What is remembered of the outputs; it may be deleted at any time."""
        return self.run_lock.with_name(self.run_lock.name.removesuffix(".run.lock") + ".seen.json")

    @property
    def picks(self) -> Path:
        """What people chose; a profile and the sandbox have files of their own, as they have locks."""
        return self.lock.with_name(self.lock.name.removesuffix(".lock.json") + ".picks.yaml")

    @property
    def own(self) -> Path:
        """The folder that ignores itself for git."""
        return self.journal.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A manifest, expanded and checked, with its places and the warnings that came with it.

    `service` is what the lock is bound to: the gateway's origin, or `sandbox`. `seen` remembers the checksums of
    outputs, so that a plan reads only those that have changed.
    """

    manifest: Manifest
    places: Places
    service: str
    warnings: tuple[Diagnostic, ...] = ()
    seen: store.Seen = field(default_factory=store.Seen, compare=False)

    def owns(self, sidecar: Mapping[str, Json]) -> bool:
        """Say whether a sidecar is of this project and this service; one of an older version names no service."""
        return sidecar.get("project") == self.manifest.project and sidecar.get("service", self.service) == self.service


def load(
    path: str | Path,
    *,
    variables: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    base_url: str | None = None,
    sandbox: bool = False,
    output_root: str | Path | None = None,
    profile: str = "",
    where: str = "",
) -> Campaign:
    """Read a manifest and everything that it names.

    `variables` override declared ones, `env` is what `env()` in a template may see. `base_url` is the service's, by
    default the real gateway's; with `sandbox` the campaign has a lock and outputs of its own, and so it has in a
    `profile`. `where` is an expression that says which jobs a plan is about. Raises `ManifestError`
    with every diagnostic of the stage that failed.
    """
    shown = str(path)
    place = Path(path).absolute()
    try:
        content = store.read_bytes(place, MAX_BYTES)
    except OSError as error:
        raise ManifestError((_unread(place, shown, error),)) from error
    source, complaints = decode(shown, content)
    if source is None:
        raise ManifestError(complaints)
    with uncollected():
        manifest, told = load_manifest(
            source,
            read=_reader(place.parent),
            env=env or {},
            variables=variables or {},
            profile=profile,
            where=where,
        )
    if manifest is None or errors(told):
        raise ManifestError((*complaints, *told))
    places = _places(place, manifest, sandbox=sandbox, output_root=output_root)
    return Campaign(
        manifest=manifest,
        places=places,
        service=SANDBOX if sandbox else service_of(base_url or GATEWAY),
        warnings=(*complaints, *told),
        seen=store.Seen(places.seen, places.outputs),
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
    stem = stem_of(manifest, read.profile, sandbox=sandbox)
    own = manifest.parent / ".kling-batch"
    if output_root is not None:
        outputs = Path(output_root).absolute()
    else:
        outputs = _inside(manifest.parent, read)
        outputs = outputs.with_name(f"{outputs.name}.{SANDBOX}") if sandbox else outputs
    return Places(
        manifest=manifest,
        lock=manifest.parent / f"{stem}.lock.json",
        journal=own / f"{stem}.journal.jsonl",
        run_lock=own / f"{stem}.run.lock",
        outputs=outputs,
    )


def stem_of(manifest: Path, profile: str, *, sandbox: bool) -> str:
    """Return what a manifest's lock and journal are named by, in a profile and for the sandbox."""
    return ".".join(part for part in (manifest.stem, profile, SANDBOX if sandbox else "") if part)


def _unread(place: Path, shown: str, error: OSError) -> Diagnostic:
    if error.errno == errno.EFBIG:
        return too_large(shown)
    help_ = ""
    if isinstance(error, FileNotFoundError):
        near = did_you_mean(place.name, [each.name for each in place.parent.glob("*.y*ml")])
        help_ = f"did you mean `{near}`?" if near else "`kling-batch init` writes a first manifest"
    return Diagnostic(code="no-manifest", message=f"cannot read it: {error.strerror or error}", place=shown, help=help_)


def _inside(folder: Path, manifest: Manifest) -> Path:
    """Return the output root, which has to lie inside the project: the git checkout, or the manifest's folder."""
    real = folder.resolve()
    project = next((each for each in (real, *real.parents) if (each / ".git").exists()), real)
    outputs = (folder / manifest.root).resolve()
    if outputs == project or project not in outputs.parents:
        why = Diagnostic(
            code="root-outside",
            message=f"`output.root` leads to `{outputs}`, outside the project",
            span=manifest.root_span,
            place=manifest.name,
            help=f"keep it below `{project}`, or allow another place with `--output-root`",
        )
        raise ManifestError((why,))
    return outputs


def prices(campaign: Campaign) -> Prices:
    """Return the price table that counts for a campaign: its own `prices:` first, then the dated table."""
    return with_overrides(default_prices(), campaign.manifest.prices)
