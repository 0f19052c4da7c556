"""A shot's request becomes each job's: templates filled in, every value still knowing which leaf it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from kling_batch.job import Json
from kling_batch.manifest.bounds import RefusedError
from kling_batch.manifest.faults import refused
from kling_batch.manifest.folder import Folder
from kling_batch.manifest.template import Fault, Template, Templates, is_template
from kling_batch.manifest.tree import Leaf, Tree
from kling_batch.text.document import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """A leaf to be filled in for each job. `from_file` ones name a file, and become what its template makes."""

    template: Template
    path: Path
    from_file: bool = False


Part: TypeAlias = "Json | Blank | dict[str, Part] | list[Part]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A request with its blanks, and for each place in it (`("image_with_roles", 0, "url")`) its leaf in the manifest.

    `blanks` are the fields that have any, `broken` those that have faults. `per_take` says whether takes of one
    combination can differ in it.
    """

    parts: Mapping[str, Part]
    blanks: Mapping[str, Part]
    leaves: Mapping[Path, Path]
    reads: Mapping[Path, tuple[str, ...]]
    faults: tuple[tuple[Path, Fault], ...]
    broken: frozenset[str]
    per_take: bool


_PER_TAKE = frozenset(["take", "slug", "key", "pick", "shuffle", "*"])


@dataclass(slots=True)
class _Maker:
    """Compiles the leaves of one request."""

    templates: Templates
    folder: Folder
    leaves: dict[Path, Path] = field(default_factory=dict)
    reads: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    faults: list[tuple[Path, Fault]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    blank: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def part(self, item: Tree, at: Path) -> Part:
        match item:
            case {"from": Leaf() as leaf} if at == ("prompt",):
                return self._file(leaf, at)
            case dict():
                return {name: self.part(below, (*at, name)) for name, below in item.items()}
            case list():
                return [self.part(below, (*at, index)) for index, below in enumerate(item)]
            case Leaf(value=str() as text, path=path) if is_template(text):
                self.leaves[at] = path
                return self._blank(self.templates.compile(text), at, path)
            case Leaf(value=str() as text, path=path):
                self.leaves[at] = path
                return text.removesuffix("\n")  # as templates drop it: a block scalar says the same as a quoted one
            case Leaf(value=value, path=path):
                self.leaves[at] = path
                return value

    def _file(self, leaf: Leaf, at: Path) -> Part:
        self.leaves[at] = leaf.path
        text = str(leaf.value)
        if is_template(text):
            blank = self._blank(self.templates.compile(text), at, leaf.path)
            self.names.add("*")
            return Blank(template=blank.template, path=leaf.path, from_file=True) if isinstance(blank, Blank) else blank
        template = file_template(self.templates, self.folder, text)
        return self._blank(template, at, leaf.path)

    def _blank(self, template: Template | Fault, at: Path, path: Path) -> Part:
        if isinstance(template, Fault):
            self.faults.append((path, template))
            self.broken.add(str(at[0]))
            return None
        self.blank.add(str(at[0]))
        self.names |= template.names
        if template.reads:
            self.reads[at] = template.reads
        return Blank(template=template, path=path)


def file_template(templates: Templates, folder: Folder, path: str) -> Template | Fault:
    """Return the template that a prompt file holds, or why there is none."""
    try:
        return templates.compile(folder.source(path).text, path)
    except RefusedError as error:
        return refused(error)


def read_form(request: Mapping[str, Tree], templates: Templates, folder: Folder) -> Form:
    """Return a request with its templates compiled; what cannot be compiled is among its faults."""
    maker = _Maker(templates, folder)
    parts = {name: maker.part(item, (name,)) for name, item in request.items()}
    return Form(
        parts=parts,
        blanks={name: part for name, part in parts.items() if name in maker.blank},
        leaves=maker.leaves,
        reads=maker.reads,
        faults=tuple(maker.faults),
        broken=frozenset(maker.broken),
        per_take=not _PER_TAKE.isdisjoint(maker.names),
    )


class Filling:
    """Fills in the blanks of one job's request; `faults` are those of its leaves, `broken` the fields that have any."""

    def __init__(self, templates: Templates, folder: Folder, scope: dict[str, object]) -> None:
        self._templates = templates
        self._folder = folder
        self._scope = scope
        self.faults: list[tuple[Path, Fault]] = []
        self.broken: set[str] = set()

    def request(self, form: Form) -> "dict[str, Json]":
        """Return a request with its blanks filled in; what is in a broken field means nothing."""
        self.broken |= form.broken
        values = cast("dict[str, Json]", dict(form.parts))  # without blanks a part is its value
        for name, part in form.blanks.items():
            before = len(self.faults)
            values[name] = self.fill(part)
            if len(self.faults) > before:
                self.broken.add(name)
        return values

    def fill(self, part: Part) -> "Json":
        """Return a part with its blanks filled in; a blank that cannot be is `None`, and told."""
        match part:
            case Blank():
                return self._render(part)
            case dict():
                return {name: self.fill(below) for name, below in part.items()}
            case list():
                return [self.fill(below) for below in part]
            case _:
                return part

    def _render(self, blank: Blank) -> "Json":
        made = self._templates.render(blank.template, self._scope)
        if blank.from_file and not isinstance(made, Fault):
            template = file_template(self._templates, self._folder, str(made))
            made = template if isinstance(template, Fault) else self._templates.render(template, self._scope)
        if isinstance(made, Fault):
            self.faults.append((blank.path, made))
            return None
        return made
