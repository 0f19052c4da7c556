"""Values that remember where they were written: what a request is made of before it is rendered."""

from dataclasses import dataclass
from typing import TypeAlias

from kling_batch.job import Json
from kling_batch.text.document import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A scalar and the path in the manifest where it stands."""

    value: "Json"
    path: Path


Tree: TypeAlias = "Leaf | dict[str, Tree] | list[Tree]"


def mapping(value: "Json") -> "dict[str, Json]":
    """Return a value that the schema has found to be a map, or an empty one where it is not there."""
    return value if isinstance(value, dict) else {}


def sequence(value: "Json") -> "list[Json]":
    """Return a value that the schema has found to be a list, or an empty one where it is not there."""
    return value if isinstance(value, list) else []


def branches(value: "Json", path: Path) -> dict[str, Tree]:
    """Return a map as a tree of leaves, with nothing in it where there is none."""
    return {name: tree(item, (*path, name)) for name, item in mapping(value).items()}


def tree(value: "Json", path: Path) -> Tree:
    """Return a value as a tree of leaves."""
    match value:
        case dict():
            return branches(value, path)
        case list():
            return [tree(item, (*path, index)) for index, item in enumerate(value)]
        case _:
            return Leaf(value=value, path=path)


def merge(base: dict[str, Tree], patch: dict[str, Tree]) -> dict[str, Tree]:
    """Return a map with a patch laid over it: maps merge, lists and scalars replace, `null` removes."""
    merged = dict(base)
    for name, item in patch.items():
        below = merged.get(name)
        if isinstance(item, Leaf) and item.value is None:
            merged.pop(name, None)
        elif isinstance(item, dict):
            merged[name] = merge(below if isinstance(below, dict) else {}, item)
        else:
            merged[name] = item
    return merged
