"""Single requests and whole downloads over the product's client, over aiohttp and over stock httpx."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anyio.to_thread
import httpx
from measured import measured, work

from kling_batch.api.answers import Accepted, Body, Fault
from kling_batch.api.client import Client
from kling_batch.api.client_settings import Settings
from kling_batch.api.origin import origin_of

KEY = "sk-bench-0123456789"
GATHER = 1024 * 1024
Save = Callable[[str], Awaitable[int]]


def looks(base: str, count: int, width: int) -> dict[str, Any]:
    """Look `count` times, `width` at once, over connections that are open already."""

    async def main() -> tuple[float, float]:
        settings = Settings(look_connections=width)
        async with Client(origin_of(base), KEY, settings=settings) as client:
            submitted = await client.submit({"model": "kling-v2-6", "prompt": "a boat"}, _nothing)
            assert isinstance(submitted, Accepted), submitted
            task = submitted.task

            async def worker(turns: int) -> None:
                for _ in range(turns):
                    answer = await client.look(task)
                    assert not isinstance(answer, Fault), answer

            await asyncio.gather(*(worker(1) for _ in range(width)))
            with measured() as figures:
                await asyncio.gather(*(worker(count // width) for _ in range(width)))
        return figures.wall, figures.cpu

    wall, cpu = asyncio.run(main())
    made = count // width * width
    return {"wall": wall, "cpu": cpu, "made": made}


async def _nothing() -> None:
    return None


@asynccontextmanager
async def product(base: str, width: int, tls: ssl.SSLContext) -> AsyncIterator[Save]:
    """Fetch through the door that a run uses, gathered and hashed as a run does it."""
    settings = Settings(download_connections=width)
    async with Client(origin_of(base), KEY, settings=settings, tls=tls) as client:

        async def save(url: str) -> int:
            sha256, gathered, size = hashlib.sha256(), bytearray(), 0
            async with client.fetch(url, 0, None) as body:
                assert isinstance(body, Body), body
                async for chunk in body.chunks:
                    gathered += chunk
                    if len(gathered) >= GATHER:
                        size += len(gathered)
                        await anyio.to_thread.run_sync(sha256.update, bytes(gathered))
                        gathered.clear()
            sha256.update(gathered)
            return size + len(gathered)

        yield save


@asynccontextmanager
async def quick(base: str, width: int, tls: ssl.SSLContext) -> AsyncIterator[Save]:
    """Fetch with aiohttp, in reads as wide as the product's."""
    del base
    connector = aiohttp.TCPConnector(limit=width, ssl=tls)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=256 * 1024) as session:

        async def save(url: str) -> int:
            sha256, size = hashlib.sha256(), 0
            async with session.get(url) as response:
                async for chunk in response.content.iter_any():
                    sha256.update(chunk)
                    size += len(chunk)
            return size

        yield save


@asynccontextmanager
async def stock(base: str, width: int, tls: ssl.SSLContext) -> AsyncIterator[Save]:
    """Fetch with httpx as it comes."""
    del base
    limits = httpx.Limits(max_connections=width, max_keepalive_connections=width)
    async with httpx.AsyncClient(limits=limits, timeout=60, verify=tls) as session:

        async def save(url: str) -> int:
            sha256, size = hashlib.sha256(), 0
            async with session.stream("GET", url) as response:
                async for chunk in response.aiter_raw():
                    sha256.update(chunk)
                    size += len(chunk)
            return size

        yield save


WAYS = {"product": product, "aiohttp": quick, "httpx": stock}


def download(base: str, way: str, files: int, width: int, pem: str | None = None) -> dict[str, Any]:
    """Download `files` videos, `width` at once, of a service with that certificate; all is hashed, nothing kept."""
    tls = ssl.create_default_context(cafile=pem)

    async def main() -> tuple[float, float, int]:
        async with WAYS[way](base, width, tls) as save:
            await save(f"{base}/files/0.mp4")
            slots, total = asyncio.Semaphore(width), 0

            async def one(number: int) -> int:
                async with slots:
                    return await save(f"{base}/files/{number}.mp4")

            with measured() as figures:
                total = sum(await asyncio.gather(*map(one, range(files))))
        return figures.wall, figures.cpu, total

    wall, cpu, total = asyncio.run(main())
    return {"wall": wall, "cpu": cpu, "made": files, "mb": total / 1e6}


if __name__ == "__main__":
    work({"looks": looks, "download": download})
