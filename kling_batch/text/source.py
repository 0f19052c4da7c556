"""Text with a name, and places in it that can be pointed at."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Source:
    """One file's text, under the name that people know it by.

    `name` is the path as it is shown in a diagnostic. Offsets are in code points of `text`.
    """

    name: str
    text: str

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Return the line and column of an offset, both counted from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return one line of the text, counted from 1, without its line end."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].removesuffix("\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a source, from `start` up to and without `end`, in code points."""

    source: Source
    start: int
    end: int

    @property
    def position(self) -> tuple[int, int]:
        """The line and column where it starts, both counted from 1."""
        return self.source.position(self.start)

    def __str__(self) -> str:
        line, column = self.position
        return f"{self.source.name}:{line}:{column}"
