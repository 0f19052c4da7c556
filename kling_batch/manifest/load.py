"""From a manifest's text to its jobs: parse, hold against the schema, expand, render, check; each stage tells all."""

import posixpath
from collections.abc import Mapping, Sequence

from kling_batch.manifest import schema
from kling_batch.manifest.check import Checker
from kling_batch.manifest.complaints import Complaints
from kling_batch.manifest.folder import Folder
from kling_batch.manifest.jobs import Surroundings, make_jobs
from kling_batch.manifest.model import Manifest, Read
from kling_batch.manifest.rows import Rows
from kling_batch.manifest.settings import read_prices, read_run
from kling_batch.manifest.shots import read_shots
from kling_batch.manifest.tally import Tally
from kling_batch.manifest.template import Templates, is_template
from kling_batch.manifest.tree import mapping
from kling_batch.manifest.variables import override
from kling_batch.text.diagnostic import Diagnostic, Severity, errors
from kling_batch.text.document import Document, parse
from kling_batch.text.source import Source

MOST = 100
"""How many complaints of one stage are told; nobody reads more of them at a time."""


def load(
    source: Source, *, read: Read, env: Mapping[str, str], variables: Mapping[str, str]
) -> tuple[Manifest | None, tuple[Diagnostic, ...]]:
    """Return the manifest with its jobs, and every diagnostic of the first stage that found an error.

    `source` is the manifest's decoded text, `env` what templates may ask for with `env()`, `variables` what `--var`
    gave. The manifest is `None` exactly if there is an error among the diagnostics; warnings come with a manifest.
    """
    document, told = parse(source)
    if document is None or errors(told):
        return None, told
    told += schema.check(document)
    if errors(told):
        return None, told
    manifest, more = _expanded(document, read, env, variables)
    return manifest, (*told, *more)


def _expanded(
    document: Document, read: Read, env: Mapping[str, str], variables: Mapping[str, str]
) -> tuple[Manifest | None, tuple[Diagnostic, ...]]:
    folder = Folder(read, posixpath.dirname(document.source.name))
    templates = Templates(lambda path: folder.source(path).text)
    complaints = Complaints(document)
    given, unknown = override(document.value, variables)
    _check_root(complaints)
    shots = read_shots(complaints, Rows(folder, templates, complaints))
    told = _few((*unknown, *complaints.told))
    if errors(told):
        return None, told
    tally = Tally(document, folder)
    around = Surroundings(
        project=_project(document),
        env=env,
        given=given,
        folder=folder,
        templates=templates,
        tally=tally,
        checker=Checker(folder),
    )
    jobs = make_jobs(shots, around)
    told = _few((*told, *tally.told()))
    if errors(told):
        return None, told
    whole = mapping(document.value)
    manifest = Manifest(
        name=_name(document.source.name),
        project=around.project,
        root=_root(document, around.project),
        run=read_run(whole.get("run")),
        jobs=jobs,
        prices=read_prices(whole.get("prices")),
        files=folder.hashes,
    )
    return manifest, told


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


def _check_root(complaints: Complaints) -> None:
    if is_template(_root(complaints.document, "")):
        message = "`output.root` is never a template"
        complaints.at(("output", "root"), "root-template", message, remedy="templates go into `output.path`")


def _project(document: Document) -> str:
    return str(mapping(document.value).get("project"))


def _name(path: str) -> str:
    """Return what a manifest's lock and journal are called after: its file name without `.yaml`."""
    return posixpath.splitext(posixpath.basename(path.replace("\\", "/")))[0]


def _root(document: Document, project: str) -> str:
    written = mapping(mapping(document.value).get("output")).get("root")
    return written if isinstance(written, str) else f"outputs/{project}"
