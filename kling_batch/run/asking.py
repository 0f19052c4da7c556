"""A few questions to the service outside of a run: its paths opened, the work done, its paths closed."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from kling_batch.api.origin import GATEWAY, Origin, checked_key, origin_of
from kling_batch.run.ports import Service

T = TypeVar("T")


def ask(
    work: Callable[[Service], Awaitable[T]], *, api_key: str, base_url: str | None = None, proxy: str | None = None
) -> T:
    """Do work that needs the service, and return what came of it; raises `UsageError` for a bad key or address."""
    return anyio.run(_over_http, work, origin_of(base_url or GATEWAY), checked_key(api_key), proxy)


async def _over_http(work: Callable[[Service], Awaitable[T]], origin: Origin, key: str, proxy: str | None) -> T:
    from kling_batch.api.client import Client  # noqa: PLC0415 - httpx and aiohttp are imported only to send

    async with Client(origin, key, proxy=proxy) as service:
        return await work(service)
