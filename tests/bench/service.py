"""The service on loopback for benchmarks: so much faster than any client that the client is what is measured.

    python tests/bench/service.py [--complete-after 1 | --median 8] [--size 20000000] [--rtt 0.4] [--core 0]

One event loop and a hand-written HTTP/1.1 reader; it checks nothing, and forgets everything. The video is a real clip,
made as long as asked by a `free` box at its end. It prints its port, and ends when its standard input does.
"""

import argparse
import asyncio
import gc
import json
import math
import os
import random
import resource
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

CLIP = Path(__file__).parents[2] / "kling_batch" / "media" / "clips" / "std-16x9-5.mp4"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
NOT_FOUND = b'{"error":{"code":"not_found","message":"no such path"}}'
POST, LOOK, FILE = b"POST /v1/videos/generations ", b"GET /v1/videos/generations/", b"GET /files/"


def video(size: int) -> bytes:
    """Return a real clip of at least so many bytes."""
    clip = CLIP.read_bytes()
    rest = size - len(clip)
    return clip + (rest.to_bytes(4, "big") + b"free" + random.Random(1).randbytes(rest - 8) if rest > 8 else b"")


@dataclass(slots=True)
class Task:
    """One task: when it is done on the loop's clock, and how often it was looked at."""

    name: bytes
    done: float
    looks: int = 0


@dataclass(slots=True)
class Service:
    """What has been bought, and what becomes of it."""

    options: argparse.Namespace
    film: bytes
    port: int = 0
    tasks: dict[bytes, Task] = field(default_factory=dict)
    submits: int = 0
    looks: int = 0
    files: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def submit(self, body: bytes) -> bytes:
        median = self.options.median
        seconds = median * math.exp(0.4 * self.dice.gauss(0, 1)) if median else 0.0
        self.submits += 1
        task = Task(b"tsk_vid_%08d" % self.submits, time.monotonic() + seconds)
        self.tasks[task.name] = task
        own = body.rfind(b'"kb1-') + 1
        if own:
            self.tasks[body[own : own + 36]] = task
        return b'{"id":"%s","object":"generation.task","model":"kling-v2-6","status":"queued","progress":0}' % task.name

    def look(self, name: bytes) -> bytes | None:
        task = self.tasks.get(name)
        if task is None:
            return None
        self.looks += 1
        task.looks += name is not None and name == task.name
        done = time.monotonic() >= task.done if self.options.median else task.looks >= self.options.complete_after
        if not done:
            return b'{"id":"%s","object":"generation.task","status":"in_progress","progress":50}' % task.name
        return (
            b'{"id":"%s","object":"generation.task","status":"completed","progress":100,"result":{"type":"video",'
            b'"data":[{"url":"http://127.0.0.1:%d/files/%s.mp4","format":"mp4"}]},"expires_at":%d}'
        ) % (task.name, self.port, task.name, time.time() + 86400)

    def answer(self, head: bytes, body: bytes) -> bytes:
        """Return the whole answer to one request."""
        if head.startswith(LOOK):
            told = self.look(head[len(LOOK) : head.index(b" ", len(LOOK))])
        elif head.startswith(POST):
            told = self.submit(body)
        elif head.startswith(FILE):
            self.files += 1
            return b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n" % len(self.film)
        elif head.startswith(b"GET /counts"):
            counts = {"submits": self.submits, "looks": self.looks, "files": self.files}
            told = json.dumps(counts).encode()
        else:
            told = None
        return MISSING % (len(NOT_FOUND), NOT_FOUND) if told is None else OK % (len(told), told)


class Connection(asyncio.Protocol):
    """Reads requests as they come, and answers each at once or after the round trip that was asked for."""

    def __init__(self, service: Service, later: Callable[..., object]) -> None:
        self.service, self.later, self.rest = service, later, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head, stop = data[:end], end + 4
            at = -1 if head.startswith(b"GET ") else head.lower().find(b"\r\ncontent-length:")
            if at >= 0:
                stop += int(head[at + 17 :].split(b"\r\n", 1)[0])
            if len(data) < stop:
                break
            self.send(head, data[end + 4 : stop])
            data = data[stop:]
        self.rest = data

    def send(self, head: bytes, body: bytes) -> None:
        parts = [self.service.answer(head, body)]
        if head.startswith(FILE):
            parts.append(self.service.film)
        if self.service.options.rtt:
            self.later(self.service.options.rtt, self.write, parts)
        else:
            self.write(parts)

    def write(self, parts: list[bytes]) -> None:
        if not self.transport.is_closing():
            self.transport.writelines(parts)


async def serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    service = Service(options, video(options.size))
    tls = None
    if options.pem:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.pem)
    server = await loop.create_server(
        lambda: Connection(service, loop.call_later), "127.0.0.1", 0, backlog=8192, ssl=tls
    )
    service.port = server.sockets[0].getsockname()[1]
    print(service.port, flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--complete-after", type=int, default=1, help="completed at this look")
    parser.add_argument("--median", type=float, default=0.0, help="median seconds of a task, in place of that")
    parser.add_argument("--size", type=int, default=0, help="bytes of a video, at least")
    parser.add_argument("--rtt", type=float, default=0.0, help="seconds that each answer is held back")
    parser.add_argument("--pem", default="", help="speak TLS with the key and the certificate of this file")
    parser.add_argument("--core", type=int, default=-1, help="the core to stay on")
    options = parser.parse_args()
    if options.core >= 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.core})
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.disable()
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
