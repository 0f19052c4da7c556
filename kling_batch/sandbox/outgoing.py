"""An answer on its way out, whole or as a fault wants it: an ASGI application of its own, made for one exchange.

A whole answer goes through the server. Anything else (a reset, silence, half a body, a lying length) is written to the
connection itself, behind the server's back; without one, as in tests within the process, it is a connection error.
"""

import asyncio
import json
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from functools import cache
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

from kling_batch.sandbox.answer import Answer, Part, told
from kling_batch.sandbox.scenario import Effects, Reply, Reshape, Transfer

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Sleep: TypeAlias = Callable[[float], Awaitable[None]]

TRANSPORT = "transport"  # where the server puts the connection into the state of a request
_CHUNK = 256 * 1024
_PATIENCE = 0.02  # seconds between looks at a full send buffer
_PACES = 10  # slices a second of a slow answer


class Whole:
    """An answer that goes out as it should."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send head and body, a long body in chunks."""
        length = ("content-length", str(self._answer.length))
        headers = [(name.encode(), value.encode()) for name, value in (*self._answer.headers, length)]
        await send({"type": "http.response.start", "status": self._answer.status, "headers": headers})
        if self._answer.length > _CHUNK:
            for chunk in _chunks(self._answer.parts, _CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"" if self._answer.length > _CHUNK else self._answer.body})


class Broken:
    """A connection that is reset, or goes silent until the caller gives up."""

    def __init__(self, how: Literal["drop", "hang"]) -> None:
        self._how = how

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Reset the connection, or wait for its end."""
        if self._how == "drop":
            _reset(_transport(scope))
        await _gone(receive)


class Mangled:
    """An answer written byte by byte, as a fault wants it, after which the connection is closed."""

    def __init__(self, content: Answer | bytes, transfer: Transfer, sleep: Sleep) -> None:
        self._content = content
        self._transfer = transfer
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Write head and body to the connection, as slowly and as far as wanted, and close it."""
        transport = _transport(scope)
        if isinstance(self._content, bytes):
            transport.write(self._content)
        else:
            transport.write(_head(self._content, self._transfer))
            if scope["method"] != "HEAD":
                await self._body(transport, self._content)
        transport.close()
        await _gone(receive)

    async def _body(self, transport: asyncio.WriteTransport, answer: Answer) -> None:
        pace = self._transfer.bytes_per_second
        left = self._transfer.cut if self._transfer.cut is not None else answer.length
        size = max(1, pace // _PACES) if pace else _CHUNK
        for chunk in _repeated(answer.parts, size, endless=self._transfer.endless):
            if transport.is_closing() or (left <= 0 and not self._transfer.endless):
                return
            transport.write(chunk if self._transfer.endless else chunk[:left])
            left -= len(chunk)
            if pace:
                await self._sleep(len(chunk) / pace)
            while transport.get_write_buffer_size() > _CHUNK and not transport.is_closing():
                await self._sleep(_PATIENCE)


Outgoing: TypeAlias = Whole | Broken | Mangled


def changed(answer: Answer, effects: Effects) -> Answer:
    """Return an answer as the effects want it to read."""
    out = answer if effects.reply is None else replied(effects.reply)
    if effects.reshape is not None:
        out = _reshaped(out, effects.reshape)
    return out if effects.headers is None else out.with_headers(effects.headers)


def replied(reply: Reply) -> Answer:
    """Return the answer that a fault gives in place of the real one."""
    if reply.bomb:
        parts = (_bomb(reply.bomb),)
        answer = Answer(status=reply.status, headers=(("content-encoding", "gzip"),), parts=parts)
    elif isinstance(reply.body, str):
        kind = "text/html; charset=utf-8" if reply.body.lstrip().startswith("<") else "application/json"
        answer = Answer(status=reply.status, headers=(("content-type", kind),), parts=(reply.body.encode(),))
    else:
        answer = told(reply.body, status=reply.status)
    return answer.with_headers(reply.headers)


def _reshaped(answer: Answer, reshape: Reshape) -> Answer:
    fields = json.loads(answer.body)
    for old, new in reshape.move.items():
        if old in fields:
            fields[new] = fields.pop(old)
    for name in reshape.remove:
        fields.pop(name, None)
    fields.update(reshape.set)
    whole = {reshape.under: fields} if reshape.under else fields
    kept = tuple(each for each in answer.headers if each[0] != "content-type")
    return told(whole, status=answer.status, headers=kept)


@cache
def _bomb(size: int) -> bytes:
    """Return so many zeros as gzip, about a thousandth of that."""
    press = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    block = bytes(1 << 20)
    out = [press.compress(block) for _ in range(size >> 20)]
    return b"".join([*out, press.compress(bytes(size & 0xFFFFF)), press.flush()])


def _head(answer: Answer, transfer: Transfer) -> bytes:
    length = answer.length if transfer.length is None else transfer.length
    headers = [*answer.headers, ("connection", "close")]
    if length >= 0 and not transfer.endless:
        headers.append(("content-length", str(length)))
    phrase = HTTPStatus(answer.status).phrase
    lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode()


def _chunks(parts: tuple[Part, ...], size: int) -> Iterator[memoryview]:
    for part in parts:
        view = memoryview(part)
        yield from (view[at : at + size] for at in range(0, len(view), size))


def _repeated(parts: tuple[Part, ...], size: int, *, endless: bool) -> Iterator[memoryview]:
    yield from _chunks(parts, size)
    while endless:
        yield from _chunks(parts, size)


def _transport(scope: Scope) -> asyncio.Transport:
    transport = scope.get("state", {}).get(TRANSPORT)
    if not isinstance(transport, asyncio.Transport):
        raise ConnectionResetError("the sandbox broke this connection on purpose")
    return transport


def _reset(transport: asyncio.Transport) -> None:
    """Close a connection with a reset instead of an orderly end."""
    own = transport.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _gone(receive: Receive) -> None:
    """Wait until the connection is gone, so that the server does not answer in our place."""
    while (await receive())["type"] != "http.disconnect":
        pass
