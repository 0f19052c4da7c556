"""One job after the other against the service: by the product, by a bare loop, by the script that everybody writes."""

import asyncio
import hashlib
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import campaign
import httpx
from measured import folder, measured, work

import kling_batch
from kling_batch.api import client  # noqa: F401 - imported before the clock starts, as it is for the others
from kling_batch.api.client_aiohttp import WideTransport
from kling_batch.api.client_exchange import stock_transport
from kling_batch.api.client_settings import Settings
from kling_batch.run import runner  # noqa: F401 - as above

BODY = {"model": "kling-v2-6", "prompt": "A v1 in v2, v3, take 4", "mode": "std", "duration": 5}
POSTS = 4  # connections for submits, as many as the product has


def product(base: str, jobs: int, width: int, first: float = 0.001, every: float = 1.0) -> dict[str, Any]:
    """Run a campaign with journal, lock, checks and sidecars."""
    with folder() as place:
        manifest = campaign.write(place, jobs, in_flight=width, first=first, every=every)
        loaded = kling_batch.load(manifest, base_url=base)
        plan = campaign.unhurried(kling_batch.plan(loaded))
        with measured() as figures:
            outcome = kling_batch.run(loaded, plan, api_key="sk-bench-0123456789", base_url=base)
        made = len(list(place.rglob("*.mp4")))
    return {"wall": figures.wall, "cpu": figures.cpu, "made": made, "exit_code": outcome.exit_code}


async def bare(base: str, place: Path, jobs: int, width: int) -> None:
    """Do the same requests over the same transports, and put the same files in place; remember nothing."""
    tls, settings = httpx.create_ssl_context(), Settings()
    posts = httpx.AsyncClient(transport=stock_transport(settings, tls, POSTS), timeout=60)
    others = httpx.AsyncClient(transport=WideTransport(tls=tls, connections=width), timeout=60)
    door, slots = asyncio.Semaphore(POSTS), asyncio.Semaphore(width)

    async def one(number: int) -> None:
        async with slots:
            async with door:
                task = (await posts.post(f"{base}/v1/videos/generations", json=BODY)).json()["id"]
            content = await _video(others, base, task)
            await asyncio.to_thread(_keep, place / f"{number}.mp4", content, task)

    async with posts, others:
        await asyncio.gather(*map(one, range(jobs)))


async def plain(base: str, place: Path, jobs: int, width: int) -> None:
    """Do what a first script does: one stock client, a semaphore, gather; write each video, sync nothing."""
    slots = asyncio.Semaphore(width)

    async def one(number: int) -> None:
        async with slots:
            task = (await session.post(f"{base}/v1/videos/generations", json=BODY)).json()["id"]
            (place / f"{number}.mp4").write_bytes(await _video(session, base, task))

    async with httpx.AsyncClient(timeout=60) as session:
        await asyncio.gather(*map(one, range(jobs)))


async def _video(session: httpx.AsyncClient, base: str, task: str) -> bytes:
    while True:
        answer = (await session.get(f"{base}/v1/videos/generations/{task}")).json()
        if answer["status"] == "completed":
            return (await session.get(answer["result"]["data"][0]["url"])).content


def _keep(path: Path, content: bytes, task: str) -> None:
    """Put a video and its sidecar in place as the product does: hashed, synced, renamed, the folder synced."""
    sidecar = {"task": task, "sha256": hashlib.sha256(content).hexdigest(), "request": BODY}
    for target, data in (
        (path.with_name(f"{path.name}.json"), json.dumps(sidecar, indent=1).encode()),
        (path, content),
    ):
        part = target.with_name(f"{target.name}.part")
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
    descriptor = os.open(path.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _script(main: Callable[[str, Path, int, int], Awaitable[None]]) -> Callable[..., dict[str, Any]]:
    async def run(base: str, place: Path, jobs: int, width: int) -> None:
        await main(base, place, jobs, width)

    def subject(base: str, jobs: int, width: int) -> dict[str, Any]:
        with folder() as place:
            with measured() as figures:
                asyncio.run(run(base, place, jobs, width))
            made = len(list(place.glob("*.mp4")))
        return {"wall": figures.wall, "cpu": figures.cpu, "made": made}

    return subject


if __name__ == "__main__":
    work({"product": product, "bare": _script(bare), "plain": _script(plain)})
