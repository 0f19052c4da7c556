"""From a manifest's text to its jobs: parse, hold against the schema, expand, render, check; each stage tells all."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kling_batch.job import Job, Json
from kling_batch.manifest import schema
from kling_batch.manifest.check import Checker
from kling_batch.manifest.choose import Chooser
from kling_batch.manifest.complaints import Complaints
from kling_batch.manifest.extend import extended
from kling_batch.manifest.folder import Folder
from kling_batch.manifest.jobs import Surroundings, make_jobs
from kling_batch.manifest.model import Manifest, Read
from kling_batch.manifest.profile import Profile, find_profile
from kling_batch.manifest.rows import Rows
from kling_batch.manifest.settings import read_prices, read_run
from kling_batch.manifest.shots import read_shots
from kling_batch.manifest.tally import Tally
from kling_batch.manifest.template import Templates, is_template
from kling_batch.manifest.tree import mapping
from kling_batch.manifest.variables import override
from kling_batch.text.diagnostic import Diagnostic, Severity, errors
from kling_batch.text.document import Document, Path, parse
from kling_batch.text.source import Source, Span

MOST = 100
"""How many complaints of one stage are told; nobody reads more of them at a time."""


def load(
    source: Source,
    *,
    read: Read,
    env: Mapping[str, str],
    variables: Mapping[str, str],
    profile: str = "",
    where: str = "",
) -> tuple[Manifest | None, tuple[Diagnostic, ...]]:
    """Return the manifest with its jobs, and every diagnostic of the first stage that found an error.

    `source` is the manifest's decoded text, `env` what templates may ask for with `env()`, `variables` what `--var`
    gave, `profile` the name of the one that is wanted, `where` an expression that chooses jobs. The manifest is `None`
    exactly if there is an error among the diagnostics; warnings come with a manifest.
    """
    folder = Folder(read, posixpath.dirname(source.name))
    document, told = _read(source, folder)
    if document is None or errors(told):
        return None, told
    chosen, unknown = find_profile(document, profile)
    if chosen is None:
        return None, (*told, *unknown)
    manifest, more = _expanded(_Wanted(document=document, profile=chosen, where=where), folder, env, variables)
    return manifest, (*told, *more)


def _read(source: Source, folder: Folder) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """Return a manifest over all that it extends, held against the schema."""
    document, told = parse(source)
    if document is None or errors(told):
        return None, told
    whole, more = extended(document, folder)
    told += more
    if whole is None:
        return None, told
    return whole, (*told, *schema.check(whole))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is to be expanded: the manifest in a profile, and which of its jobs are meant."""

    document: Document
    profile: Profile
    where: str


def _expanded(
    wanted: _Wanted, folder: Folder, env: Mapping[str, str], variables: Mapping[str, str]
) -> tuple[Manifest | None, tuple[Diagnostic, ...]]:
    document, profile = wanted.document, wanted.profile
    templates = Templates(lambda path: folder.source(path).text)
    complaints = Complaints(document)
    given, unknown = override(document.value, variables, profile.entry)
    _check_roots(complaints, profile)
    shots = read_shots(complaints, Rows(folder, templates, complaints), profile)
    told = _few((*unknown, *complaints.told))
    if errors(told):
        return None, told
    around = Surroundings(
        project=_project(document),
        env=env,
        given=given,
        folder=folder,
        templates=templates,
        tally=Tally(document, folder),
        checker=Checker(folder),
        chooser=Chooser(wanted.where, templates) if wanted.where.strip() else None,
    )
    jobs = make_jobs(shots, around)
    told = _few((*told, *around.tally.told(), *(around.chooser.told() if around.chooser else ())))
    if errors(told):
        return None, told
    return _manifest(wanted, jobs, around), told


def _manifest(wanted: _Wanted, jobs: tuple[Job, ...], around: Surroundings) -> Manifest:
    document, profile = wanted.document, wanted.profile
    whole = mapping(document.value)
    root, root_span = _root(document, around.project, profile)
    return Manifest(
        name=_name(document.source.name),
        project=f"{around.project}.{profile.name}" if profile.name else around.project,
        root=root,
        root_span=root_span,
        run=read_run(profile.over("run", whole.get("run"))),
        jobs=jobs,
        prices=read_prices(whole.get("prices")),
        profile=profile.name,
        profiles=tuple(mapping(whole.get("profiles"))),
        chosen=around.chooser.chosen if around.chooser else None,
        files=around.folder.hashes,
    )


def _few(told: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return complaints in the order of the text; of very many the first, errors before warnings, and a count."""
    if len(told) <= MOST:
        return tuple(sorted(told, key=_place))
    ordered = sorted(told, key=lambda each: each.severity is Severity.WARNING)
    severity = ordered[MOST].severity
    rest = Diagnostic(code="and-more", message=f"and {len(told) - MOST} more complaints like these", severity=severity)
    return (*sorted(ordered[:MOST], key=_place), rest)


def _place(told: Diagnostic) -> tuple[str, int]:
    return (told.span.source.name, told.span.start) if told.span else ("", 0)


def _check_roots(complaints: Complaints, profile: Profile) -> None:
    for place, root in _written_roots(complaints.document, profile):
        if is_template(root):
            message = "`output.root` is never a template"
            complaints.at(place, "root-template", message, remedy="templates go into `output.path`")


def _project(document: Document) -> str:
    return str(mapping(document.value).get("project"))


def _name(path: str) -> str:
    """Return what a manifest's lock and journal are called after: its file name without `.yaml`."""
    return posixpath.splitext(posixpath.basename(path.replace("\\", "/")))[0]


def _root(document: Document, project: str, profile: Profile) -> tuple[str, Span | None]:
    """Return the output root and where it is written; that of a profile is a folder beside it, unless it names one."""
    written = _written_roots(document, profile)
    place, root = written[-1] if written else (None, f"outputs/{project}")
    if profile.name and (place is None or place[0] == "output"):
        root = f"{root.rstrip('/')}.{profile.name}"
    return root, document.span(place) if place else None


def _written_roots(document: Document, profile: Profile) -> list[tuple[Path, str]]:
    """Return every `output.root` that is written, the one that counts last."""
    parts: tuple[tuple[Path, dict[str, Json]], ...] = (
        ((), mapping(document.value)),
        (profile.path, profile.entry),
    )
    written = [((*path, "output", "root"), mapping(part.get("output")).get("root")) for path, part in parts]
    return [(place, root) for place, root in written if isinstance(root, str) and root]
