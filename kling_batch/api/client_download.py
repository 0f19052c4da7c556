"""Videos fetched from wherever their links lead, by a way of its own: no key, no cookies, no proxy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urljoin

import anyio
import httpx

from kling_batch.api.answers import Body, Fault, FaultKind, Interrupted, LinkDead
from kling_batch.api.client_exchange import close
from kling_batch.api.client_pinned import UnsafeLinkError
from kling_batch.api.client_settings import NETWORK, Settings, lost, timeout_of
from kling_batch.api.download import Begun, Head, Moved, StartOver, head_of, range_headers
from kling_batch.api.guard import link_trouble
from kling_batch.api.origin import Origin
from kling_batch.api.redact import cleaned


class Downloads:
    """The way to the file hosts, over a transport that checks every address."""

    def __init__(self, transport: httpx.AsyncBaseTransport, service: Origin, settings: Settings, agent: str) -> None:
        self._transport = transport
        self._service = service
        self._settings = settings
        self._headers = {"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"}

    @asynccontextmanager
    async def fetch(self, url: str, start: int, etag: str | None) -> AsyncIterator[Body | LinkDead | Fault]:
        """Open a link from byte `start` on, following redirects that lead where they may."""
        ranged = range_headers(start, etag)
        for _ in range(self._settings.redirects + 2):  # one more for a part that cannot be continued
            trouble = link_trouble(url, self._service)
            if trouble:
                yield _unsafe(trouble)
                return
            response = await self._open(url, ranged)
            if isinstance(response, Fault):
                yield response
                return
            try:
                match self._head(response, start if ranged else 0, etag):
                    case Moved(location=location):
                        url = _joined(url, location)
                    case StartOver():
                        ranged = {}
                    case Begun() as begun:
                        chunks = Chunks(response, begun, self._settings)
                        yield Body(start=begun.start, total=begun.total, etag=begun.etag, chunks=chunks)
                        return
                    case LinkDead() | Fault() as answer:
                        yield answer
                        return
            finally:
                await close(response)
        yield Fault(kind=FaultKind.REFUSED, code="redirects", message="the link is redirected without end")

    def _head(self, response: httpx.Response, asked: int, etag: str | None) -> Head:
        most = self._settings.most_bytes
        return head_of(response.status_code, response.headers, asked=asked, etag=etag, most=most)

    async def _open(self, url: str, ranged: dict[str, str]) -> httpx.Response | Fault:
        extensions = {"timeout": timeout_of(self._settings, read=self._settings.read)}
        try:
            request = httpx.Request("GET", url, headers={**self._headers, **ranged}, extensions=extensions)
            return await self._transport.handle_async_request(request)
        except UnsafeLinkError as error:
            return _unsafe(str(error))
        except NETWORK as error:
            return lost(error)


class Chunks:
    """The bytes of a download as they come; raises `Interrupted` where they end early, crawl, or will not end."""

    def __init__(self, response: httpx.Response, begun: Begun, settings: Settings) -> None:
        self._raw = response.aiter_raw()
        self._at = begun.start
        self._total = begun.total
        self._settings = settings
        self._waited = 0.0
        self._came = 0

    def __aiter__(self) -> "Chunks":
        return self

    async def __anext__(self) -> bytes:
        asked = anyio.current_time()
        try:
            chunk = await anext(self._raw)
        except StopAsyncIteration:
            if self._total is not None and self._at < self._total:
                raise _interrupted("cut-short", f"ended at byte {self._at} of {self._total}") from None
            raise
        except NETWORK as error:
            raise Interrupted(lost(error)) from error
        self._at += len(chunk)
        self._check_length()
        self._check_speed(anyio.current_time() - asked, len(chunk))
        return chunk

    def _check_length(self) -> None:
        if self._total is not None and self._at > self._total:
            raise _interrupted("too-long", f"went on after its {self._total} bytes")
        if self._at > self._settings.most_bytes:
            raise _interrupted("too-large", f"is larger than {self._settings.most_bytes} bytes", FaultKind.REFUSED)

    def _check_speed(self, seconds: float, size: int) -> None:
        """Count only the time in which bytes were waited for: a slow disk is not the network's fault."""
        self._waited += seconds
        self._came += size
        if self._waited < self._settings.slow_window:
            return
        if self._came < self._settings.slow_rate * self._waited:
            raise _interrupted("slow", f"came at less than {self._settings.slow_rate} bytes a second")
        self._waited, self._came = 0.0, 0


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:  # no URL at all, as the next look at it will say
        return location


def _interrupted(code: str, what: str, kind: FaultKind = FaultKind.UNCLEAR) -> Interrupted:
    return Interrupted(Fault(kind=kind, code=code, message=f"the download {what}"))


def _unsafe(why: str) -> Fault:
    return Fault(kind=FaultKind.REFUSED, code="unsafe-link", message=cleaned(f"the link is not followed: {why}"))
