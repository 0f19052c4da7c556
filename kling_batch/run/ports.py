"""What the engine needs from the world, as protocols: so that all of it runs in virtual time as well."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from kling_batch.api.answers import Balance, Body, Fault, LinkDead, LookAnswer, SubmitAnswer, Uploaded
from kling_batch.events import Done, Failure
from kling_batch.job import Json

__all__ = [
    "Body",
    "Broken",
    "Brought",
    "Damaged",
    "FetchAnswer",
    "InTheWay",
    "LinkDead",
    "NoVideo",
    "Service",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """The video is home: verified, synced, under its name."""

    done: Done


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The bytes stopped coming, or could not be kept; what has come stays in the part file."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoVideo:
    """What came is no MP4 at all, or less of one than was announced; the part file is gone."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """All bytes came and are an MP4 whose boxes do not walk; kept as `<name>.suspect`."""

    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class InTheWay:
    """A file that no record knows lies where the video should go; it is not touched."""

    why: str


FetchAnswer: TypeAlias = Brought | Broken | NoVideo | Damaged | InTheWay


class Service(Protocol):
    """The HTTP API outside. None of these raises for what the service or the network does wrong."""

    async def submit(self, body: Mapping[str, Json], on_wire: Callable[[], Awaitable[None]]) -> SubmitAnswer:
        """Post one request; `on_wire` is awaited just before its first byte leaves, and what it raises stops it."""
        ...

    async def look(self, identifier: str) -> LookAnswer:
        """Ask for a task by its id or by its business id."""
        ...

    async def upload(self, name: str, content: bytes, media_type: str) -> Uploaded | Fault:
        """Give the service an image to use in requests."""
        ...

    async def balance(self) -> Balance | Fault | None:
        """Ask what is left on the account; `None` where the service does not offer it."""
        ...

    def fetch(self, url: str, start: int, etag: str | None) -> AbstractAsyncContextManager[Body | LinkDead | Fault]:
        """Open a download from byte `start` on; `Body.start` is 0 where it could not be resumed."""
        ...
