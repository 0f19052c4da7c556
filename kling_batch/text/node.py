"""What a YAML text is made of: nodes that know their value and their place. Shared where an alias shares them."""

from collections.abc import Mapping as Map
from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from kling_batch.job import Json


@dataclass(frozen=True, slots=True)
class Scalar:
    """One leaf: `text` is what the quotes or the block hold, `value` what that means, `style` the YAML indicator.

    `start` and `end` are offsets in the source, quotes and block header included, as in every node.
    """

    start: int
    end: int
    style: str
    text: str
    value: Json
    size: ClassVar[int] = 1
    height: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list; `size` counts the nodes below it with aliases expanded, itself included, `height` its levels."""

    start: int
    end: int
    items: Several["Node"]
    value: list[Json]
    size: int
    height: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping by key, what it merges included; `keys` are the places of the keys."""

    start: int
    end: int
    keys: Map[str, Scalar]
    entries: Map[str, "Node"]
    value: dict[str, Json]
    size: int
    height: int


Node: TypeAlias = Scalar | Sequence | Mapping
