"""The pretended service in bad weather: every trouble of the fault matrix, and a witness of what is sent."""

import hashlib
import heapq
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
from mortal import Mortal
from pretended import HTML, ORIGIN, Pretended, parts
from storms import Storm

from kling_batch.api.answers import (
    Absent,
    Accepted,
    Body,
    Fault,
    FaultKind,
    Interrupted,
    LinkDead,
    LookAnswer,
    SubmitAnswer,
)
from kling_batch.api.wire import look_answer, submit_answer
from kling_batch.job import Json
from kling_batch.sandbox.films import film, sent
from kling_batch.sandbox.task import Task

PATIENCE = 60.0  # seconds after which a client gives an answer up
LOOK_UPS = 4  # that have to miss before a submit goes out again
BAD_ANSWERS: Mapping[str, tuple[int, dict[str, str], bytes]] = {
    "401": (401, {}, b'{"error":{"code":"unauthorized","message":"Invalid API key"}}'),
    "402": (402, {}, b'{"error":{"code":402,"message":"Insufficient account balance"}}'),
    "403": (403, {}, b'{"error":{"code":403,"message":"forbidden"}}'),
    "400-quota": (400, {}, b'{"error":{"code":"x","message":"user quota is not enough"}}'),
    "404-model": (404, {}, b'{"error":{"code":"model_not_found","message":"no such model"}}'),
    "409": (409, {}, b'{"error":{"code":409,"message":"conflict"}}'),
    "422": (422, {}, b'{"error":{"code":"content_policy_violation","message":"no"}}'),
    "425": (425, {}, b"{}"),
    "429": (429, {"retry-after": "3"}, b'{"error":{"code":"rate_limit_exceeded","message":"slow down"}}'),
    "500": (500, {}, b'{"error":{"code":"internal_error","message":"oops"}}'),
    "503-limiter": (503, {}, b'{"error":{"code":"rate_limit_unavailable","message":"limiter"}}'),
    "503-busy": (503, {}, b'{"error":{"code":"x","message":"no available channel"}}'),
    "html": (502, {}, HTML),
}
AFTER_PAYING: Mapping[str, tuple[int, dict[str, str], bytes]] = {
    "paid-500": BAD_ANSWERS["500"],
    "paid-409": BAD_ANSWERS["409"],
    "paid-408": (408, {}, b"{}"),
    "paid-302": (302, {"location": "https://elsewhere.example/"}, b""),
    "paid-html": (504, {}, HTML),
    "no-id": (200, {}, b'{"status":"queued"}'),
}


@dataclass
class Stormy(Pretended):
    """`storm` and `dice` say what goes wrong; `mortal` is the process that calls; `witness` tells if bytes are on disk.

    `wrong` holds what no client may do: a submit before its intent, a second one without proof, a canary in company.
    """

    storm: Storm = field(default_factory=Storm)
    dice: random.Random = field(default_factory=random.Random)
    mortal: Mortal = field(default_factory=lambda: Mortal(folder=""))
    witness: Callable[[str], bool] = lambda _text: True
    began: float = 0.0
    latest: float = 0.0
    wrong: list[str] = field(default_factory=list)
    doubted: set[str] = field(default_factory=set)
    unclear: dict[str, int] = field(default_factory=dict)
    missed: Counter[str] = field(default_factory=Counter)
    late: list[tuple[float, str, dict[str, Json]]] = field(default_factory=list)
    has_accepted: bool = False
    words: Counter[str] = field(default_factory=Counter)

    def begin(self, mortal: Mortal) -> None:
        """Meet a new process."""
        self.mortal, self.has_accepted, self.on_wire, self.most_on_wire = mortal, False, 0, 0
        self.doubted.clear()

    def deliver(self, now: float) -> None:
        """Let what was on its way arrive."""
        while self.late and self.late[0][0] <= now:
            at, _, body = heapq.heappop(self.late)
            self.world.submit(self._caller_at(at), json.dumps(body).encode(), self.fate(body))

    def _caller_at(self, at: float) -> object:
        return type(self.caller())(key="sk-test", origin=ORIGIN, now=at)

    def now(self) -> float:
        """Return Unix seconds; a process that is gone has no loop any more, and its last moment is what counts."""
        with suppress(anyio.NoEventLoopError):
            self.latest = super().now()
        return self.latest

    def _pick(self, operation: str) -> str:
        word = self.storm.trouble(self.dice, operation, self.now() - self.began)
        self.words[f"{operation} {word}"] += 1
        self.deliver(self.now())
        self.mortal.step(f"{operation} {word}".strip())
        return word

    async def _delay(self, word: str = "") -> None:
        await anyio.sleep(self.dice.choice((0.01, 0.05, 0.3)) + (self.dice.uniform(5.0, 50.0) if word == "slow" else 0))

    async def submit(self, body: Mapping[str, Json], on_wire: Callable[[], Awaitable[None]]) -> SubmitAnswer:
        own, word = str(body["client_business_id"]), self._pick("submit")
        await self._delay()
        if word == "unsent":
            return Fault(kind=FaultKind.UNSENT, message="connection refused")
        await on_wire()
        self._watch(own)
        self.posts.append(own)
        self.on_wire += 1
        self.most_on_wire = max(self.on_wire, self.most_on_wire)
        self.unclear[own] = self.unclear.get(own, 0) + 1
        has_arrived = False
        try:
            await self._delay()
            self.mortal.step(f"sent {own}")
            has_arrived = True
            answer = await self._answer(dict(body), word)
            self.mortal.step(f"answered {own}")
        except BaseException:
            if not has_arrived and self.dice.random() < 0.5:  # the bytes were in the socket when the process died
                self._send_late(dict(body))
            raise
        finally:
            self.on_wire -= 1
        self._note(own, answer)
        return answer

    def _send_late(self, body: dict[str, Json]) -> None:
        heapq.heappush(self.late, (self.now() + self.dice.uniform(0.0, 20.0), str(len(self.posts)), body))

    def _watch(self, own: str) -> None:
        """Look over the shoulder of who submits."""
        if not self.witness(own):
            self.wrong.append(f"{own} is on the wire before its intent is on disk")
        if not self.has_accepted and self.on_wire:
            self.wrong.append(f"{own} keeps the canary company")
        if self.unclear.get(own):
            if self.world._terms.business_ids != "honoured":
                self.wrong.append(f"{own} is sent again without proof")
            elif self.missed[own] < LOOK_UPS:
                self.wrong.append(f"{own} is sent again after {self.missed[own]} look-ups")
            self.missed[own] = self.unclear[own] = 0

    def _note(self, own: str, answer: SubmitAnswer) -> None:
        if isinstance(answer, Fault) and answer.kind is FaultKind.UNCLEAR:
            self.doubted.add(own)
            return
        self.unclear[own] -= 1
        if isinstance(answer, Accepted):
            self.has_accepted = True
            self.unclear[own] = 0

    async def _answer(self, body: dict[str, Json], word: str) -> SubmitAnswer:
        if word in {"lost", "late"}:
            if word == "late":
                self._send_late(body)
            await anyio.sleep(self.dice.choice((0.1, PATIENCE)))
            return Fault(kind=FaultKind.UNCLEAR, message="connection reset")
        if word in BAD_ANSWERS:
            return submit_answer(*BAD_ANSWERS[word])
        answer = self.world.submit(self.caller(), json.dumps(body).encode(), self.fate(body))
        await self._delay(word)
        if word in {"paid-lost", "beyond"}:
            await anyio.sleep(PATIENCE if word == "beyond" else 0.0)
            return Fault(kind=FaultKind.UNCLEAR, message="connection reset")
        return submit_answer(*AFTER_PAYING.get(word, parts(answer)))

    async def look(self, identifier: str) -> LookAnswer:
        word = self._pick("look")
        self.requests.append(f"look {identifier}")
        is_task = not identifier.startswith("kb1-")
        if is_task and not self.witness(identifier):
            self.wrong.append(f"{identifier} is looked at before it is on disk")
        await self._delay(word)
        answer = self._seen(identifier, word, is_task=is_task)
        if not is_task and isinstance(answer, Absent):
            self.missed[identifier] += 1
        self.mortal.step(f"looked {identifier}")
        return answer

    def _seen(self, identifier: str, word: str, *, is_task: bool) -> LookAnswer:
        if word == "lost":
            return Fault(kind=FaultKind.UNCLEAR, message="timeout")
        if word in BAD_ANSWERS:
            return look_answer(*BAD_ANSWERS[word], asked=identifier)
        terms = self.world._terms
        if word == "absent" and terms.business_ids == "honoured":
            return Absent()
        status, headers, content = parts(self.world.look(self.caller(), identifier))
        others = [each for each in self.world._tasks if each != identifier]
        if word == "wrong-id" and others and (is_task or terms.business_ids == "honoured"):
            other = self.dice.choice(others)
            own = self.world._tasks[other].business_id
            if own != identifier:
                status, headers, content = parts(self.world.look(self.caller(), other))
        if word == "no-url" and status == 200:
            told = json.loads(content)
            told.pop("result", None)
            content = json.dumps(told).encode()
        return look_answer(status, headers, content, asked=identifier)

    @asynccontextmanager
    async def fetch(self, url: str, start: int, etag: str | None) -> AsyncIterator[Body | LinkDead | Fault]:
        identifier, name = url.removeprefix(f"{ORIGIN}/files/videos/").split("/")
        word = self._pick("download")
        self.requests.append(f"download {identifier} {start}")
        await self._delay(word)
        task = self.world.file_of(identifier, name, self.now())
        if word == "lost":
            yield Fault(kind=FaultKind.UNCLEAR, message="timeout")
        elif task is None or word == "403":
            yield LinkDead(status=403)
        else:
            yield self._body(task, word, start, etag)

    def _body(self, task: Task, word: str, start: int, etag: str | None) -> Body:
        is_ranged = start and word != "ignored-range"
        answer = sent(task, 0, f"bytes={start}-" if is_ranged else None, etag)
        content, told = answer.body, dict(answer.headers).get("etag")
        begins = start if answer.status == 206 else 0
        if word == "changed":  # another version of the same length, from a host that does not care about `If-Range`
            begins, content, told = start, versions(task)[1][start:], f'"{task.id}-again"'
        if word == "html":
            content = HTML
        if word == "damaged" and begins == 0:  # in its boxes: what is wrong in the picture alone, nobody can tell
            content = content[:24] + b"\xff" * 24 + content[48:]
        cut = int(len(content) * self.dice.random()) if word == "cut" else None
        return Body(start=begins, total=begins + len(content), etag=told, chunks=self._chunks(content, cut))

    async def _chunks(self, content: bytes, cut: int | None) -> AsyncIterator[bytes]:
        end = len(content) if cut is None else cut
        for at in range(0, end, 4096):
            await anyio.sleep(0.01)
            self.mortal.step("bytes")
            yield content[at : min(at + 4096, end)]
        if cut is not None:
            raise Interrupted(Fault(kind=FaultKind.UNCLEAR, message="cut"))


def versions(task: Task) -> tuple[bytes, bytes]:
    """Return the two versions of a task's video: as it was made, and as it was made again."""
    whole = b"".join(film(task, 0))
    picture, mark = whole.index(b"mdat") + 4, len(whole) - 8  # they differ near both ends, and in no box
    again = bytearray(whole)
    for at in (*range(picture, picture + 8), *range(mark, len(whole))):
        again[at] ^= 1
    return whole, bytes(again)


def hashes(task: Task) -> tuple[str, ...]:
    return tuple(hashlib.sha256(each).hexdigest() for each in versions(task))
