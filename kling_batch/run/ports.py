"""What the engine needs from the world, as protocols: so that all of it runs in virtual time as well."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from kling_batch.api.answers import Balance, Fault, LookAnswer, SubmitAnswer, Uploaded
from kling_batch.job import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A download that has begun: where in the file its bytes start, how long the whole is, and its validator."""

    start: int
    total: int | None
    etag: str | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDead:
    """The link was refused (403, 404, 410): a fresh one must be asked for."""

    status: int


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
