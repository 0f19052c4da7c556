"""The one door to the service: submits over stock httpx, everything else over httpx with aiohttp behind it.

httpx's transports are used as they are, without its client: so there are no redirects, no cookies, no environment, no
second layer of retries, and no log line with a link in it. A submit is judged by its *wire watermark* first (did the
trace hook just before the first byte fire?), then by status, then by body: exception names do not tell whether a server
read the request (reliability b3).
"""

import importlib.metadata
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self
from urllib.parse import quote

import anyio
import httpx

from kling_batch.api.answers import (
    Allowance,
    Balance,
    Body,
    Fault,
    LinkDead,
    LookAnswer,
    SubmitAnswer,
    Uploaded,
)
from kling_batch.api.client_download import Downloads
from kling_batch.api.client_exchange import Reply, cut_short, exchange, file_transport, query_transport, stock_transport
from kling_batch.api.client_pinned import Pinned, Resolve, resolve
from kling_batch.api.client_settings import NETWORK, Settings, lost, timeout_of
from kling_batch.api.client_submit import Wire, answered, unanswered
from kling_batch.api.origin import Origin
from kling_batch.api.pace import allowance_of
from kling_batch.api.wire import balance_answer, look_answer, upload_answer
from kling_batch.errors import UsageError
from kling_batch.job import Json

SUBMITS, QUERIES = "async_submit", "async_query"  # the categories of the service's rate limits
_SHORTEST_SECRET = 12  # characters; a shorter key could be part of an honest id
_FAREWELL = 5.0  # seconds to close connections in


class Client:
    """The service over HTTP, to be used in an `async with` block; `run.ports.Service` says what its verbs promise.

    The key goes to `service` alone, in its header; it has to be one that `checked_key` returned. A `proxy` is for the
    API, never for downloads. `on_rate` hears what answers tell about rate limits. Raises `UsageError` for a bad proxy.
    """

    def __init__(
        self,
        service: Origin,
        key: str,
        *,
        settings: Settings | None = None,
        proxy: str | None = None,
        on_rate: Callable[[Allowance], None] = lambda _: None,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._service = service
        self._key = key
        self._settings = settings or Settings()
        self._proxy = _checked_proxy(proxy)
        self._on_rate = on_rate
        self._resolve = resolve
        self._tls = tls
        self._agent = f"kling-batch/{importlib.metadata.version('kling-batch')}"
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the paths; nothing is sent yet."""
        for name in ("httpx", "httpcore", "aiohttp"):  # at INFO they print whole links
            logging.getLogger(name).setLevel(logging.WARNING)
        tls = self._tls or httpx.create_ssl_context(trust_env=False)
        settings = self._settings
        self._posts = stock_transport(settings, tls, settings.submit_connections, self._proxy)
        self._uploads = stock_transport(settings, tls, settings.submit_connections, self._proxy)
        self._queries = query_transport(settings, tls, self._proxy)
        files = Pinned(file_transport(settings, tls), self._service, self._resolve)
        self._downloads = Downloads(files, self._service, settings, self._agent)
        for transport in (self._posts, self._uploads, self._queries, files):
            self._stack.push_async_callback(transport.aclose)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        with anyio.move_on_after(_FAREWELL, shield=True):
            await self._stack.aclose()

    async def submit(self, body: Mapping[str, Json], on_wire: Callable[[], Awaitable[None]]) -> SubmitAnswer:
        """Post one request, once; `on_wire` is awaited just before its first byte, and what it raises stops it."""
        wire = Wire(on_wire)
        content = json.dumps(dict(body), ensure_ascii=False).encode()
        request = self._request("POST", "/videos/generations", self._settings.submit_deadline, content=content)
        request.headers["Content-Type"] = "application/json"
        request.extensions["trace"] = wire.trace
        try:
            with anyio.fail_after(self._settings.submit_deadline):
                reply = await self._exchange(self._posts, request, SUBMITS)
        except Exception as error:  # noqa: BLE001 - whatever it is, the doubt about a sent request must not be lost
            if wire.refusal is not None:
                raise wire.refusal from None
            return self._scrubbed(unanswered(error, is_sent=wire.is_sent))
        return answered(reply, body)

    async def look(self, identifier: str) -> LookAnswer:
        """Ask for a task by its id or by its business id."""
        path = f"/videos/generations/{quote(identifier, safe='')}"
        request = self._request("GET", path, self._settings.read)
        reply = await self._asked(self._queries, request, self._settings.look_deadline)
        if isinstance(reply, Fault):
            return reply
        return look_answer(reply.status, reply.headers, reply.body, asked=identifier)

    async def upload(self, name: str, content: bytes, media_type: str) -> Uploaded | Fault:
        """Give the service an image to use in requests; it costs nothing, so it may be repeated."""
        seconds = self._settings.submit_deadline
        request = self._request("POST", "/uploads/images", seconds, image=(name, content, media_type))
        await request.aread()
        reply = await self._asked(self._uploads, request, seconds)
        return reply if isinstance(reply, Fault) else upload_answer(reply.status, reply.headers, reply.body)

    async def balance(self) -> Balance | Fault | None:
        """Ask what is left on the account; `None` where the service does not offer it."""
        request = self._request("GET", "/balance", self._settings.read)
        reply = await self._asked(self._queries, request, self._settings.look_deadline)
        return reply if isinstance(reply, Fault) else balance_answer(reply.status, reply.headers, reply.body)

    def fetch(self, url: str, start: int, etag: str | None) -> AbstractAsyncContextManager[Body | LinkDead | Fault]:
        """Open a download from byte `start` on; `Body.start` is 0 where it could not be resumed."""
        return self._downloads.fetch(url, start, etag)

    def _request(
        self,
        method: str,
        path: str,
        read: float,
        *,
        content: bytes | None = None,
        image: tuple[str, bytes, str] | None = None,
    ) -> httpx.Request:
        headers = {
            "Authorization": f"Bearer {self._key}",
            "User-Agent": self._agent,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        return httpx.Request(
            method,
            self._service.base + path,
            headers=headers,
            content=content,
            data={"purpose": "generation"} if image else None,
            files={"file": image} if image else None,
            extensions={"timeout": timeout_of(self._settings, read=read)},
        )

    async def _asked(
        self, transport: httpx.AsyncBaseTransport, request: httpx.Request, deadline: float
    ) -> Reply | Fault:
        """Carry out a request that is safe to repeat; what got no whole answer is a fault."""
        try:
            with anyio.fail_after(deadline):
                reply = await self._exchange(transport, request, QUERIES)
        except NETWORK as error:
            return self._scrubbed(lost(error))
        return reply if reply.error is None else cut_short(reply, reply.error)

    async def _exchange(self, transport: httpx.AsyncBaseTransport, request: httpx.Request, category: str) -> Reply:
        reply = await exchange(transport, request, self._settings.longest_answer)
        allowance = allowance_of(reply.headers)
        if allowance is not None:
            self._on_rate(replace(allowance, category=allowance.category or category))
        if len(self._key) < _SHORTEST_SECRET or self._key.encode() not in reply.body:
            return reply
        return replace(reply, body=reply.body.replace(self._key.encode(), b"***"))  # some services echo the key

    def _scrubbed(self, fault: Fault) -> Fault:
        return replace(fault, message=fault.message.replace(self._key, "***"))


def _checked_proxy(proxy: str | None) -> str | None:
    if proxy is None:
        return None
    try:
        url = httpx.Proxy(proxy).url
    except (ValueError, httpx.InvalidURL) as error:
        raise UsageError("the proxy is no URL that can be used", help="write it as `http://host:port`") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"a proxy with the scheme `{url.scheme}` is not supported", help="write `http://host:port`")
    return proxy
