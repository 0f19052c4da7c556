"""The sandbox's memory on disk: a file of facts, one a line, that is only ever appended to.

It outlives a kill of its process, not a power cut: the service that it plays is another machine. So it is none of the
product's own state, and needs nothing of what `store` does for that.
"""

from errno import ENOSPC
from os import SEEK_END, strerror
from pathlib import Path
from types import TracebackType
from typing import Self

from kling_batch.errors import StateError, UsageError
from kling_batch.sandbox.facts import Fact, from_lines, to_line


class Memory:
    """An open state file. `facts` is what it held; a last line that a kill has torn is cut off."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b", buffering=0)
        except OSError as error:
            raise UsageError(f"the sandbox's state `{path}` cannot be opened: {error.strerror}") from error
        try:
            self.facts = tuple(self._recall())
        except (ValueError, TypeError, KeyError, ArithmeticError) as error:
            self._file.close()
            help_ = "delete it: the sandbox then forgets its tasks"
            raise StateError(f"the sandbox's state `{path}` is damaged: {error}", help=help_) from error

    def keep(self, facts: list[Fact]) -> None:
        """Append facts, all in one write; raises `OSError`, with nothing appended, where the disk takes less."""
        content = b"".join(map(to_line, facts))
        if not content:
            return
        end = self._file.seek(0, SEEK_END)
        if self._file.write(content) != len(content):
            self._file.truncate(end)
            raise OSError(ENOSPC, strerror(ENOSPC))

    def _recall(self) -> list[Fact]:
        self._file.seek(0)
        content = self._file.read()
        self._file.truncate(content.rfind(b"\n") + 1)
        return list(from_lines(content))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
