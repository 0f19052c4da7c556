"""YAML 1.2 core in which every key and every value keeps its place in the text. The only door to pyyaml."""

from dataclasses import dataclass
from typing import TypeAlias

from kling_batch.job import Json
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source, Span

Path: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True)
class Document:
    """What a YAML text says, as plain data, and where it says it: `()` is the path of the root."""

    source: Source
    value: Json

    def span(self, path: Path) -> Span:
        """Return the place of the value at a path (of its nearest parent that has one)."""
        raise NotImplementedError

    def key_span(self, path: Path) -> Span:
        """Return the place of the key that leads to a path, or of the value where there is no key (a list item)."""
        raise NotImplementedError

    def within(self, path: Path, offset: int, length: int = 1) -> Span:
        """Return a place inside a scalar: `offset` counts in its value, mapped back through quotes and block style."""
        raise NotImplementedError


def parse(source: Source) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """Return the document, or every reason why it is none; nothing is built before the guards have passed."""
    raise NotImplementedError
