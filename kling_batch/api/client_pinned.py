"""A transport that lets a download go only where it may: every address of the host is checked, and one of them dialled.

What is dialled is an address that was judged, so that a name which changes its answer between check and use, or is
spelt as a number, gains nothing. It stands in front of any of httpx's transports; TLS still holds the certificate
against the name.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import anyio
import httpx

from kling_batch.api.guard import is_allowed
from kling_batch.api.origin import Origin

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]


class UnsafeLinkError(Exception):
    """A link leads to an address that downloads may not go to."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, as the system orders them, each once. Raises `OSError` where there are none."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(place[0]) for *_, place in found))


class Pinned(httpx.AsyncBaseTransport):
    """Downloads' transport: private addresses only where the `service` itself is on one."""

    def __init__(self, inner: httpx.AsyncBaseTransport, service: Origin, resolve: Resolve = resolve) -> None:
        self._inner = inner
        self._service = service
        self._resolve = resolve

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to one of its host's addresses, trying them in turn until one takes the connection."""
        host = request.url.raw_host.decode("ascii")
        error: httpx.TransportError = httpx.ConnectError(f"{host} has no address")
        for address in await self._addresses(host, request.url.port or 0, request.extensions["timeout"]["connect"]):
            try:
                return await self._inner.handle_async_request(_pinned(request, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as refusal:
                error = refusal
        raise error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def _addresses(self, host: str, port: int, seconds: float) -> Sequence[str]:
        addresses = await self._resolved(host, port, seconds)
        if not all(is_allowed(address, near=False) for address in addresses):
            near = await self._is_near(seconds)
            for address in addresses:
                if not is_allowed(address, near=near):
                    raise UnsafeLinkError(f"{host} is {address}, which is not a public address")
        return addresses

    async def _is_near(self, seconds: float) -> bool:
        """Say whether the service is on this machine or on a private network."""
        if self._service.is_loopback:
            return True
        addresses = await self._resolved(self._service.host, 0, seconds)
        return not any(is_allowed(address, near=False) for address in addresses)

    async def _resolved(self, host: str, port: int, seconds: float) -> Sequence[str]:
        try:
            return (str(ipaddress.ip_address(host.strip("[]"))),)
        except ValueError:
            pass
        try:
            with anyio.fail_after(seconds):
                return await self._resolve(host, port)
        except (OSError, UnicodeError) as error:  # a time-out is an OSError too
            raise httpx.ConnectError(f"{host} cannot be resolved") from error


def _pinned(request: httpx.Request, host: str, address: str) -> httpx.Request:
    """Return the same request for one address; its `Host` header stays, and TLS asks for the name."""
    extensions = dict(request.extensions)
    if request.url.scheme == "https" and host.strip("[]") != address:
        extensions["sni_hostname"] = host
    url = request.url.copy_with(host=address)
    return httpx.Request(request.method, url, headers=request.headers, extensions=extensions)
