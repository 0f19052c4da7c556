"""One line of a journal, as it is written and as it is read back: whole, in order and ours, or not at all.

`{"crc":"8 hex","seq":1,"at":1790000000,"fact":{...}}`, its checksum over the bytes that follow it.
"""

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast, get_args

from kling_batch.errors import StateError
from kling_batch.events import Fact, Sign, from_json
from kling_batch.job import Json, canonical
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source, Span

VERSION = 1
_LINE = re.compile(
    rb'\{"crc":"([0-9a-f]{8})",("seq":(\d{1,15}),"at":\d{1,15},"(head|fact|checkpoint|base)":(\{.*\})\})'
)
MOVE_AWAY = "move it away and run `kling-batch recover`, which asks the service for what the lock does not know"


def entry(seq: int, at: int, kind: str, body: object) -> bytes:
    """Return one line of a journal; `at` in Unix seconds."""
    covered = b'"seq":%d,"at":%d,"%s":%s}' % (seq, at, kind.encode(), canonical(body))
    return b'{"crc":"%08x",%s\n' % (zlib.crc32(covered), covered)


@dataclass(frozen=True)
class Reader:
    """One journal's bytes, and how to complain about them."""

    name: str
    data: bytes

    @property
    def size(self) -> int:
        """The bytes up to the last line end: what stands behind it was never acknowledged."""
        return self.data.rfind(b"\n") + 1

    def entries(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield number, kind and body of each whole line; raises `StateError` at the first that is not as written."""
        *lines, tail = self.data.split(b"\n")
        for number, line in enumerate(lines):
            found = _LINE.fullmatch(line)
            if found is None or not _is_sound(found):
                raise self.damaged(number, "journal-checksum", "this line is not as it was written")
            if int(found[3]) != number:
                raise self.damaged(number, "journal-gap", f"entry {number} should stand here, not {int(found[3])}")
            yield number, found[4].decode(), found[5]
        found = _LINE.fullmatch(tail[:-1])
        if found is not None and _is_sound(found):  # a torn line is a beginning, and this is more than a whole one
            raise self.damaged(len(lines), "journal-checksum", "this line does not end as it was written")

    def belongs(self, body: bytes, project: str, service: str) -> None:
        """Raise `StateError` unless this is the head of a journal of that lock."""
        match self._json(0, body):
            case {"journal": int(version)} if version > VERSION:
                why = f"this journal has version {version}, this kling-batch knows {VERSION}"
                raise self.damaged(0, "journal-version", why, "use the newer kling-batch that wrote it")
            case {"journal": 1, "project": has, "service": at}:
                if (has, at) != (project, service):
                    why = f"this journal belongs to project `{has}` on `{at}`, not to `{project}` on `{service}`"
                    raise self.damaged(0, "journal-foreign", why, "finish that run first, or move its journal away")
            case _:
                raise self.damaged(0, "journal-head", "this is no head of a journal")

    def sha256(self, number: int, body: bytes) -> str:
        """Return the lock file that a checkpoint names."""
        match self._json(number, body):
            case {"sha256": str(sha256)}:
                return sha256
            case _:
                raise self.damaged(number, "journal-entry", "this checkpoint names no lock")

    def fact(self, number: int, body: bytes) -> Fact:
        """Return the fact that an entry holds."""
        try:
            event = from_json(self._json(number, body))
        except ValueError as error:
            raise self.damaged(number, "journal-entry", str(error)) from error
        if isinstance(event, get_args(Sign)):
            raise self.damaged(number, "journal-entry", "a sign is never kept")
        return cast("Fact", event)

    def _json(self, number: int, body: bytes) -> dict[str, Json]:
        try:
            return cast("dict[str, Json]", json.loads(body))
        except ValueError as error:
            raise self.damaged(number, "journal-entry", "this is not JSON") from error

    def damaged(self, number: int, code: str, why: str, repair: str = MOVE_AWAY) -> StateError:
        """Return the error about a line, counted from 0."""
        source = Source(self.name, self.data.decode(errors="replace"))
        start = sum(len(line) + 1 for line in source.text.split("\n")[:number])
        span = Span(source=source, start=start, end=start + len(source.line(number + 1)))
        told = Diagnostic(code=code, message=why, span=span, help=repair)
        return StateError(f"the journal `{self.name}` cannot be used", help=repair, diagnostics=(told,))


def _is_sound(line: re.Match[bytes]) -> bool:
    return int(line[1], 16) == zlib.crc32(line[2])
