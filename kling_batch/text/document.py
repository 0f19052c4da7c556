"""YAML 1.2 core in which every key and every value keeps its place in the text. The only door to pyyaml.

The parser hands over events, never objects: its C part is quick and safe there, while its composer recurses and dies
of 100,000 brackets. What the events mean is up to `compose`.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import yaml

from kling_batch.job import Json
from kling_batch.text.compose import Composer
from kling_batch.text.diagnostic import Diagnostic, errors
from kling_batch.text.guard import UNSAFE, inspect
from kling_batch.text.inner import stretch
from kling_batch.text.node import Mapping, Node, Scalar, Sequence
from kling_batch.text.source import Source, Span
from kling_batch.text.syntax import Trouble, explain

Path: TypeAlias = "tuple[str | int, ...]"
Root: TypeAlias = Literal["mapping", "collection"]

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # a pyyaml built without libyaml has only the slow one


@dataclass(frozen=True)
class Document:
    """What a YAML text says, as plain data, and where it says it: `()` is the path of the root.

    What an alias or a merge key repeats is shared in `value`, not copied: nobody changes it.
    """

    source: Source
    value: Json
    root: Node = field(repr=False)

    def span(self, path: Path) -> Span:
        """Return the place of the value at a path (of its nearest parent that has one)."""
        node = self._walk(path)[-1]
        return Span(source=self.source, start=node.start, end=node.end)

    def key_span(self, path: Path) -> Span:
        """Return the place of the key that leads to a path, or of the value where there is no key (a list item)."""
        nodes = self._walk(path)
        parent = nodes[-2] if len(nodes) > 1 else None
        step = path[len(nodes) - 2] if parent is not None else None
        node = parent.keys[step] if isinstance(parent, Mapping) and isinstance(step, str) else nodes[-1]
        return Span(source=self.source, start=node.start, end=node.end)

    def within(self, path: Path, offset: int, length: int = 1) -> Span:
        """Return a place inside a scalar: `offset` counts in its value, mapped back through quotes and block style."""
        node = self._walk(path)[-1]
        if not isinstance(node, Scalar):
            return self.span(path)
        start, end = stretch(self.source.text, node, offset, length)
        return Span(source=self.source, start=start, end=end)

    def depth(self, path: Path) -> int:
        """Return how many steps of a path lead somewhere in this text."""
        return len(self._walk(path)) - 1

    def _walk(self, path: Path) -> list[Node]:
        """Return the nodes from the root along a path, as far as there are any."""
        nodes = [self.root]
        for step in path:
            match nodes[-1], step:
                case Mapping(entries=entries), str() if step in entries:
                    nodes.append(entries[step])
                case Sequence(items=items), int() if 0 <= step < len(items):
                    nodes.append(items[step])
                case _:
                    break
        return nodes


def parse(source: Source, *, root: Root = "mapping") -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """Return the document, or every reason why it is none; nothing is built before the guards have passed.

    A manifest's root is a mapping; with `collection` it may be a list too, as in a data file.
    """
    found = tuple(inspect(source))
    if any(each.code in {"too-large", "conflict-marker"} for each in found):
        return None, found
    composer = Composer(source)
    composer.keep(*found)
    _read(source, composer)
    node = composer.root
    found = tuple(sorted(composer.faults, key=lambda each: each.span.start if each.span else 0))
    if not errors(found):
        found = _root_faults(source, node, root)
    if node is None or errors(found):
        return None, found
    return Document(source, node.value, node), found


def _read(source: Source, composer: Composer) -> None:
    text = UNSAFE.sub("\ufffd", source.text)  # told already; the rest of the text can still be read
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            _take(event, composer, source)
            if composer.is_over:
                return
    except yaml.MarkedYAMLError as error:
        fault = explain(_trouble(source, error))
        lines = {each.span.position[0] for each in composer.faults if each.span}
        if fault.span and fault.span.position[0] not in lines:  # else it is a consequence of what is told
            composer.keep(fault)


def _trouble(source: Source, error: yaml.MarkedYAMLError) -> Trouble:
    at = error.problem_mark.index if error.problem_mark else 0
    since = error.context_mark.index if error.context_mark else at
    return Trouble(source=source, problem=error.problem or "", at=at, context=error.context or "", since=since)


def _take(event: yaml.Event, composer: Composer, source: Source) -> None:
    start, end = _place(event)
    match event:
        case yaml.ScalarEvent():
            composer.scalar(start, end, event.value, style=event.style or "", anchor=event.anchor, tag=event.tag)
        case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            is_flow = bool(event.flow_style)
            composer.open(start, is_mapping=is_mapping, is_flow=is_flow, anchor=event.anchor, tag=event.tag)
        case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
            composer.close(end if end > start and source.text[start : start + 1] in "]}" else None)
        case yaml.AliasEvent():
            composer.alias(start, end, event.anchor or "")
        case yaml.DocumentStartEvent() if composer.root is not None:
            span = Span(source=source, start=start, end=end)
            message = "a second document begins here"
            help_ = "one file holds one manifest; remove the `---`"
            composer.keep(Diagnostic(code="second-document", message=message, span=span, help=help_))
            composer.is_over = True
        case _:
            pass


def _place(event: yaml.Event) -> tuple[int, int]:
    assert event.start_mark is not None  # noqa: S101 - every event that a parser makes has its marks
    assert event.end_mark is not None  # noqa: S101 - as above
    return event.start_mark.index, event.end_mark.index


def _root_faults(source: Source, node: Node | None, root: Root) -> tuple[Diagnostic, ...]:
    wanted = "a mapping (`name: value`)" if root == "mapping" else "a list or a mapping"
    match node, root:
        case (Mapping(), _) | (Sequence(), "collection"):
            return ()
        case (None, _):
            span = Span(source=source, start=0, end=0)
            return (Diagnostic(code="empty-file", message="the file says nothing", span=span, help=f"write {wanted}"),)
        case _:
            assert node is not None  # noqa: S101 - the case above took `None`
            kind = "a list" if isinstance(node, Sequence) else "one single value"
            span = Span(source=source, start=node.start, end=node.end)
            return (Diagnostic(code="wrong-root", message=f"the file is {kind}, not {wanted}", span=span),)
