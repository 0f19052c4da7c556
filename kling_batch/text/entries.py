"""Keys and values become a mapping: each key a text and there once, merge keys resolved, explicit keys first.

YAML 1.2 has no merge key; people write `<<: *base` all the same, so it means what it meant in YAML 1.1.
"""

import unicodedata
from collections.abc import Collection, Iterator
from collections.abc import Sequence as Several

from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.node import Mapping, Node, Scalar, Sequence
from kling_batch.text.plain import plain
from kling_batch.text.source import Source, Span

_MERGE = "<<"


def mapping(
    source: Source, at: tuple[int, int], children: Several[Node], templates: Collection[int]
) -> tuple[Mapping, tuple[Diagnostic, ...]]:
    """Return the mapping of keys and values by turns, and what is wrong with its keys.

    `templates` are the offsets of unquoted templates: they have been told and are no keys.
    """
    keys: dict[str, Scalar] = {}
    own: dict[str, Node] = {}
    faults: list[Diagnostic] = []
    for key, value in zip(children[::2], children[1::2], strict=True):
        fault = _fault(source, key, keys)
        if isinstance(key, Scalar) and fault is None:
            keys[key.text] = key
            own[key.text] = value
        elif fault is not None and key.start not in templates:
            faults.append(fault)
    if _MERGE in keys and not keys[_MERGE].style:
        merge = own[_MERGE]
        faults += _merge_faults(source, keys[_MERGE], merge)
        keys, own = _merged(merge, keys, own)
    size = 1 + sum(each.size for each in children)
    height = 1 + max((each.height for each in own.values()), default=0)
    return Mapping(*at, keys, own, {name: each.value for name, each in own.items()}, size, height), tuple(faults)


def _fault(source: Source, key: Node, keys: dict[str, Scalar]) -> Diagnostic | None:
    span = Span(source=source, start=key.start, end=key.end)
    if not isinstance(key, Scalar) or not isinstance(key.value, str):
        written = key.text if isinstance(key, Scalar) else ""
        return Diagnostic(
            code="key-not-text",
            message=f"a key is text, not {_kind(key)}",
            span=span,
            help=f'quote it: `"{plain(written)}"`' if written else "write `name: value`",
        )
    if key.text in keys:
        first, column = source.position(keys[key.text].start)
        where = f"on line {first}" if first != source.position(key.start)[0] else f"at column {column}"
        return Diagnostic(
            code="duplicate-key",
            message=f"`{plain(key.text)}` is here twice",
            span=span,
            label=f"the first is {where}",
            help=f"keep this one or the one {where}",
        )
    if key.text.isascii():
        return None
    return next(_invisible(span, key.text), None)


def _kind(key: Node) -> str:
    match key:
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"
        case Scalar(value=bool()):
            return "true or false"
        case Scalar(value=None):
            return "nothing"
        case _:
            return "a number"


def _invisible(span: Span, text: str) -> Iterator[Diagnostic]:
    for character in text:
        if character != " " and unicodedata.category(character) in {"Cf", "Zs"}:
            name = unicodedata.name(character, "unnamed").lower()
            yield Diagnostic(
                code="invisible-character",
                message=f"the key holds U+{ord(character):04X}, which cannot be seen",
                span=span,
                label=name,
                help="type the key anew; indent with spaces",
            )


def _parts(merge: Node) -> Several[Node]:
    return merge.items if isinstance(merge, Sequence) else (merge,)


def _merge_faults(source: Source, key: Scalar, merge: Node) -> Iterator[Diagnostic]:
    if not all(isinstance(each, Mapping) for each in _parts(merge)):
        yield Diagnostic(
            code="bad-merge",
            message="`<<` takes over the keys of mappings, and this is none",
            span=Span(source=source, start=key.start, end=key.end),
            help="name one mapping or several: `<<: *base` or `<<: [*base, *more]`",
        )


def _merged(merge: Node, keys: dict[str, Scalar], own: dict[str, Node]) -> tuple[dict[str, Scalar], dict[str, Node]]:
    """Return the keys and entries with those that `<<` brings before them; of several mappings the first wins."""
    from_keys: dict[str, Scalar] = {}
    from_entries: dict[str, Node] = {}
    for each in _parts(merge):
        if isinstance(each, Mapping):
            for name, entry in each.entries.items():
                from_keys.setdefault(name, each.keys[name])
                from_entries.setdefault(name, entry)
    keys, own = {**from_keys, **keys}, {**from_entries, **own}
    del keys[_MERGE], own[_MERGE]
    return keys, own
