"""The sandbox's world as a service without sockets, for runs in virtual time; troubles are told by a script."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from kling_batch.api.answers import (
    Balance,
    Body,
    Fault,
    FaultKind,
    Interrupted,
    LinkDead,
    LookAnswer,
    SubmitAnswer,
    Uploaded,
)
from kling_batch.api.wire import balance_answer, look_answer, submit_answer, upload_answer
from kling_batch.job import Json
from kling_batch.sandbox.answer import Answer
from kling_batch.sandbox.films import sent
from kling_batch.sandbox.task import Fate
from kling_batch.sandbox.world import Caller, World

EPOCH = 1_790_000_000.0
ORIGIN = "http://127.0.0.1:1"
LATENCY = 0.05
HTML = b"<html><body>502 Bad Gateway</body></html>"


@dataclass
class Pretended:
    """`trouble(operation, name)` says what goes wrong with one request, `fate(body)` what becomes of a task.

    Troubles of a submit: `unsent`, `lost` (before the service read it), `429`, `429-long`, `500`, `409`, `paid-lost`,
    `paid-500`, `paid-html`, `no-id`, `401`, `402`. Of a look: `lost`, `500`, `429`, `401`. Of a download: `cut`,
    `html`, `403`, `damaged`, `ignored-range`.
    """

    world: World
    trouble: Callable[[str, str], str] = lambda _operation, _name: ""
    fate: Callable[[dict[str, Json]], Fate | None] = lambda _body: None
    epoch: float = EPOCH
    posts: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    on_wire: int = 0
    most_on_wire: int = 0

    def now(self) -> float:
        """Return Unix seconds: `epoch` is when the loop's clock stood at zero."""
        return self.epoch + anyio.current_time()

    def caller(self) -> Caller:
        return Caller(key="sk-test", origin=ORIGIN, now=self.now())

    async def submit(self, body: Mapping[str, Json], on_wire: Callable[[], Awaitable[None]]) -> SubmitAnswer:
        own = str(body["client_business_id"])
        trouble = self.trouble("submit", own)
        if trouble == "unsent":
            await anyio.sleep(LATENCY)
            return Fault(kind=FaultKind.UNSENT, message="connection refused")
        await on_wire()
        self.posts.append(own)
        self.on_wire += 1
        self.most_on_wire = max(self.on_wire, self.most_on_wire)
        try:
            await anyio.sleep(LATENCY)
            return await self._submitted(dict(body), trouble)
        finally:
            self.on_wire -= 1

    async def _submitted(self, body: dict[str, Json], trouble: str) -> SubmitAnswer:
        if trouble == "lost":
            return Fault(kind=FaultKind.UNCLEAR, message="connection reset")
        if trouble == "429-long":
            return submit_answer(429, {"retry-after": "90"}, b'{"error":{"code":"429","message":"trouble"}}')
        if trouble in {"401", "402", "409", "429", "500"}:
            content = json.dumps({"error": {"code": trouble, "message": "trouble"}}).encode()
            return submit_answer(int(trouble), {"retry-after": "3"} if trouble == "429" else {}, content)
        answer = self.world.submit(self.caller(), json.dumps(body).encode(), self.fate(body))
        await anyio.sleep(LATENCY)
        match trouble:
            case "paid-lost":
                return Fault(kind=FaultKind.UNCLEAR, message="connection reset")
            case "paid-500":
                return submit_answer(500, {}, b'{"error":{"code":"internal_error","message":"oops"}}')
            case "paid-html":
                return submit_answer(504, {}, HTML)
            case "no-id":
                return submit_answer(200, {}, b'{"status":"queued"}')
        return submit_answer(*parts(answer))

    async def look(self, identifier: str) -> LookAnswer:
        self.requests.append(f"look {identifier}")
        trouble = self.trouble("look", identifier)
        await anyio.sleep(LATENCY)
        match trouble:
            case "lost":
                return Fault(kind=FaultKind.UNCLEAR, message="timeout")
            case "401" | "429" | "500":
                return look_answer(int(trouble), {"retry-after": "5"}, HTML, asked=identifier)
        return look_answer(*parts(self.world.look(self.caller(), identifier)), asked=identifier)

    async def upload(self, name: str, content: bytes, media_type: str) -> Uploaded | Fault:
        del media_type
        self.requests.append(f"upload {name}")
        await anyio.sleep(LATENCY)
        return upload_answer(*parts(self.world.upload(self.caller(), content)))

    async def balance(self) -> Balance | Fault | None:
        self.requests.append("balance")
        await anyio.sleep(LATENCY)
        return balance_answer(*parts(self.world.balance(self.caller())))

    @asynccontextmanager
    async def fetch(self, url: str, start: int, etag: str | None) -> AsyncIterator[Body | LinkDead | Fault]:
        identifier, name = url.removeprefix(f"{ORIGIN}/files/videos/").split("/")
        trouble = self.trouble("download", identifier)
        self.requests.append(f"download {identifier} {start}")
        await anyio.sleep(LATENCY)
        task = self.world.file_of(identifier, name, self.now())
        if task is None or trouble == "403":
            yield LinkDead(status=403)
            return
        ignored = trouble == "ignored-range"
        answer = sent(task, 0, f"bytes={start}-" if start and not ignored else None, etag)
        content = HTML if trouble == "html" else answer.body
        if trouble == "damaged":
            content = content[:24] + b"\xff" * 24 + content[48:]
        headers = dict(answer.headers)
        begins = start if answer.status == 206 else 0
        yield Body(
            start=begins,
            total=begins + len(content),
            etag=headers.get("etag"),
            chunks=_chunks(content, cut=len(content) // 2 if trouble == "cut" else None),
        )


async def _chunks(content: bytes, cut: int | None) -> AsyncIterator[bytes]:
    for at in range(0, len(content) if cut is None else cut, 4096):
        await anyio.sleep(LATENCY / 10)
        yield content[at : min(at + 4096, len(content) if cut is None else cut)]
    if cut is not None:
        raise Interrupted(Fault(kind=FaultKind.UNCLEAR, message="cut"))


def parts(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    return answer.status, dict(answer.headers), answer.body
