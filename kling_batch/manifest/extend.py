"""`extends:`, the defaults that manifests share: a file whose content lies below that of the one that names it.

Every path, in the shared file too, is relative to the folder of the manifest: where a value comes from changes nothing
about what it means.
"""

import posixpath

from kling_batch.manifest.bounds import RefusedError
from kling_batch.manifest.folder import Folder
from kling_batch.manifest.tree import mapping
from kling_batch.text.diagnostic import Diagnostic, errors
from kling_batch.text.document import Document, parse
from kling_batch.text.layers import layered
from kling_batch.text.plain import plain

DEEPEST = 8
"""How many files may lie below a manifest."""


def extended(document: Document, folder: Folder) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """Return a manifest with all that it extends below it, or every reason why that cannot be had."""
    layers = [document]
    seen = {posixpath.basename(document.source.name)}
    told: tuple[Diagnostic, ...] = ()
    while isinstance(path := mapping(layers[-1].value).get("extends"), str):
        below, more = _below(layers[-1], path, folder)
        if path in seen:
            more = (_at(layers[-1], "extends-circle", f"`{plain(path)}` extends itself, over {len(layers)} files"),)
        elif len(layers) > DEEPEST:
            more = (_at(layers[-1], "extends-depth", f"this is the {len(layers)}th file, and {DEEPEST} are enough"),)
        told += more
        if below is None or errors(told):
            return None, told
        seen.add(path)
        layers.append(below)
    return layered(tuple(layers)), told


def _below(document: Document, path: str, folder: Folder) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    try:
        source = folder.source(path)
    except RefusedError as error:
        return None, (_at(document, error.code, error.message, error.remedy),)
    below, told = parse(source)
    if below is None or "project" not in mapping(below.value):
        return below, told
    message = "shared defaults have no `project`: two campaigns of one name would share the ids of their videos"
    span = below.key_span(("project",))
    return None, (*told, Diagnostic(code="extends-project", message=message, span=span, help="each manifest says it"))


def _at(document: Document, code: str, message: str, remedy: str = "") -> Diagnostic:
    return Diagnostic(code=code, message=plain(message), span=document.span(("extends",)), help=remedy)
