"""httpx's transport over aiohttp, for looks and downloads: a quarter of stock httpx's CPU, flat in connections.

Imported only when a client is opened on asyncio: aiohttp costs 0.2 s of start-up. It differs in three points from what
`httpx-aiohttp` does by itself: URLs go out byte for byte (yarl would decode `%2F` and `%7E` in a signed query), reads
are wide, and there is no cookie jar.
"""

import ssl

import aiohttp
import httpx
from httpx_aiohttp.transport import AiohttpResponseStream, AiohttpTransport, map_aiohttp_exceptions
from yarl import URL

WIDE = 256 * 1024  # bytes a read; at 16 KiB a download costs 1.7 times the CPU


class WideStream(AiohttpResponseStream):
    """A response's bytes as they came, in wide reads."""

    CHUNK_SIZE = WIDE


class WideTransport(AiohttpTransport):
    """One pool of connections to wherever requests go."""

    def __init__(self, *, tls: ssl.SSLContext, connections: int, proxy: str | None = None) -> None:
        super().__init__(verify=tls, client=lambda: _session(tls, connections, proxy))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request whose body is in memory, and return as soon as the head of its answer is there."""
        if not isinstance(self.client, aiohttp.ClientSession):
            self.client = self.get_client()
        timeout = request.extensions["timeout"]
        try:
            with map_aiohttp_exceptions():
                response = await self.client.request(
                    request.method,
                    URL(str(request.url), encoded=True),
                    headers=request.headers.multi_items(),
                    data=request.content or None,
                    allow_redirects=False,
                    auto_decompress=False,
                    timeout=aiohttp.ClientTimeout(
                        connect=timeout["pool"], sock_connect=timeout["connect"], sock_read=timeout["read"]
                    ),
                    server_hostname=request.extensions.get("sni_hostname"),
                )
        except aiohttp.ClientError as error:  # those that the map has no word for, such as a garbled status line
            raise httpx.RemoteProtocolError(type(error).__name__) from error
        return httpx.Response(
            response.status, headers=response.raw_headers, stream=WideStream(response), request=request
        )


def _session(tls: ssl.SSLContext, connections: int, proxy: str | None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, ssl=tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=WIDE,
        proxy=proxy,
    )
