"""One request, one answer: the transports, and a body read to a limit, with what came before it was cut short."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import anyio
import httpx

from kling_batch.api.answers import Fault, FaultKind
from kling_batch.api.client_settings import NETWORK, Settings, told
from kling_batch.api.json_body import uncompressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer with as much of its body as came; `error` is what cut it short."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    error: Exception | None = None


class TooLongError(Exception):
    """An answer went on after all that is read of one."""


def stock_transport(
    settings: Settings, tls: ssl.SSLContext, connections: int, proxy: str | None = None, *, idle: int | None = None
) -> httpx.AsyncHTTPTransport:
    """Return httpx's own transport: HTTP/1.1, a trace hook, no second layer of retries, `idle` connections kept."""
    limits = httpx.Limits(
        max_connections=connections,
        max_keepalive_connections=connections if idle is None else idle,
        keepalive_expiry=settings.keepalive,
    )
    return httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits, proxy=proxy, retries=0)


def query_transport(settings: Settings, tls: ssl.SSLContext, proxy: str | None) -> httpx.AsyncBaseTransport:
    """Return the transport for looks: the quick one where it runs (asyncio), else httpx's own."""
    if _runs_on_asyncio():
        return _wide_transport(tls, settings.look_connections, proxy)
    return stock_transport(settings, tls, settings.look_connections, proxy)


def file_transport(settings: Settings, tls: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    """Return the transport for downloads, likewise.

    Downloads dial addresses, and httpx's pool knows a connection by its address alone: it would send the request for
    one name over a connection whose certificate was held against another. So it keeps none.
    """
    if _runs_on_asyncio():
        return _wide_transport(tls, settings.download_connections, None)
    return stock_transport(settings, tls, settings.download_connections, idle=0)


def _runs_on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _wide_transport(tls: ssl.SSLContext, connections: int, proxy: str | None) -> httpx.AsyncBaseTransport:
    from kling_batch.api.client_aiohttp import WideTransport  # noqa: PLC0415 - costs 0.2 s, and only a run needs it

    return WideTransport(tls=tls, connections=connections, proxy=proxy)


async def exchange(transport: httpx.AsyncBaseTransport, request: httpx.Request, longest: int) -> Reply:
    """Send a request and read its answer, up to `longest` bytes. Raises only where no head of an answer came."""
    response = await transport.handle_async_request(request)
    body = bytearray()
    error: Exception | None = None
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > longest:
                error = TooLongError(f"the answer is longer than {longest} bytes")
                break
    except NETWORK as cut:
        error = cut
    finally:
        await close(response)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(
        status=response.status_code,
        headers=headers,
        body=uncompressed(bytes(body), headers.get("content-encoding", ""), longest),
        error=error,
    )


def cut_short(reply: Reply, error: Exception) -> Fault:
    """Return the fault of an answer that did not come whole: whatever its status says, it is unclear."""
    return Fault(kind=FaultKind.UNCLEAR, status=reply.status, code=type(error).__name__, message=told(error))


async def close(response: httpx.Response) -> None:
    """Give a connection back, or close it where bytes are left; nothing that goes wrong here matters any more."""
    with anyio.move_on_after(1, shield=True):
        try:
            await response.aclose()
        except NETWORK:
            return
