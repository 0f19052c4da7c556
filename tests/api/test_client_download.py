"""Downloads against hosts that cut, splice, crawl, compress and lead astray (reliability b5)."""

# ruff: noqa: ANN001 - the server's type lives in conftest.py, and test files do not import each other

import gzip
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import httpx
import pytest

from kling_batch.api.answers import Body, Fault, FaultKind, Interrupted, LinkDead
from kling_batch.api.client import Client
from kling_batch.api.client_pinned import Pinned, UnsafeLinkError
from kling_batch.api.client_settings import Settings
from kling_batch.api.origin import origin_of

pytestmark = pytest.mark.anyio

KEY = "sk-canary-0123456789abcdef"
FILE = bytes(range(256)) * 40
ETAG = '"v1"'


@pytest.fixture
async def client(server, settings: Settings, tls: ssl.SSLContext) -> AsyncIterator[Client]:
    async with Client(server.origin, KEY, settings=settings, tls=tls) as client:
        yield client


async def fetched(client: Client, url: str, start: int = 0, etag: str | None = None) -> tuple[object, bytes]:
    """Return what a download began as, and all of its bytes."""
    async with client.fetch(url, start, etag) as answer:
        if not isinstance(answer, Body):
            return answer, b""
        return answer, b"".join([chunk async for chunk in answer.chunks])


async def test_a_file_comes_whole_and_nothing_of_ours_goes_along(other, client: Client) -> None:
    other.acts = [other.answering(200, FILE, f"ETag: {ETAG}", "Set-Cookie: spy=1")]

    answer, content = await fetched(client, f"{other.url}/v%2Fa.mp4?sig=%2F%7E%2C+x")
    await fetched(client, f"{other.url}/b")

    assert content == FILE
    assert isinstance(answer, Body)
    assert (answer.start, answer.total, answer.etag) == (0, len(FILE), ETAG)
    head = other.requests[0].lower()
    assert other.requests[0].startswith(b"GET /v%2Fa.mp4?sig=%2F%7E%2C+x HTTP/1.1\r\n")
    assert b"authorization" not in head
    assert KEY.encode() not in head
    assert b"accept-encoding: identity" in head
    assert b"range" not in head
    assert b"spy" not in other.requests[1]


async def test_a_part_is_continued_where_it_ends(server, client: Client) -> None:
    rest = FILE[100:]
    server.acts = [
        server.answering(206, rest, f"Content-Range: bytes 100-{len(FILE) - 1}/{len(FILE)}", f"ETag: {ETAG}")
    ]

    answer, content = await fetched(client, f"{server.url}/a", 100, ETAG)

    assert content == rest
    assert isinstance(answer, Body)
    assert (answer.start, answer.total) == (100, len(FILE))
    assert b"range: bytes=100-" in server.requests[0].lower()
    assert b'if-range: "v1"' in server.requests[0].lower()


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (416, []),
        (206, ["Content-Range: bytes 99-10239/10240"]),
        (206, ["Content-Range: bytes 100-10239/10240", 'ETag: "v2"']),
        (206, ["Content-Type: multipart/byteranges"]),
        (206, ["Content-Range: bytes 100-10239/5000"]),
    ],
    ids=["unsatisfiable", "another start", "another version", "many parts", "a total that is too small"],
)
async def test_a_part_that_cannot_be_continued_is_started_over(
    server, client: Client, status: int, lines: list[str]
) -> None:
    server.acts = [server.answering(status, FILE[100:], *lines), server.answering(200, FILE)]

    answer, content = await fetched(client, f"{server.url}/a", 100, ETAG)

    assert content == FILE
    assert isinstance(answer, Body)
    assert answer.start == 0
    assert b"range:" not in server.requests[1].lower()


async def test_a_host_that_ignores_ranges_sends_it_all_again(server, client: Client) -> None:
    server.acts = [server.answering(200, FILE)]

    answer, content = await fetched(client, f"{server.url}/a", 100, ETAG)

    assert content == FILE
    assert isinstance(answer, Body)
    assert answer.start == 0


@pytest.mark.parametrize("etag", [None, 'W/"v1"', "v1", '"a\r\nX: y"', '""'])
async def test_a_part_without_a_strong_validator_is_started_over(server, client: Client, etag: str | None) -> None:
    server.acts = [server.answering(200, FILE)]

    answer, _ = await fetched(client, f"{server.url}/a", 100, etag)

    assert isinstance(answer, Body)
    assert answer.start == 0
    assert b"range" not in server.requests[0].lower()


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_refused_link_is_dead(server, client: Client, status: int) -> None:
    server.acts = [server.answering(status, b"<html>expired</html>")]

    answer, _ = await fetched(client, f"{server.url}/a")

    assert answer == LinkDead(status=status)


async def test_a_busy_host_says_how_long_to_wait(server, client: Client) -> None:
    server.acts = [server.answering(503, b"", "Retry-After: 9")]

    answer, _ = await fetched(client, f"{server.url}/a")

    assert isinstance(answer, Fault)
    assert (answer.kind, answer.wait) == (FaultKind.RATE, 9.0)


CUT = {
    "a length not reached": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + FILE[:500],
    "a chunked end not seen": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "a range told longer than sent": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + FILE[:400],
}


@pytest.mark.parametrize("raw", CUT.values(), ids=CUT.keys())
async def test_a_body_cut_short_never_looks_complete(server, client: Client, raw: bytes) -> None:
    server.acts = [server.sending(raw, then="fin")]

    with pytest.raises(Interrupted) as caught:
        await fetched(client, f"{server.url}/a")

    assert caught.value.fault.kind is FaultKind.UNCLEAR


async def test_a_range_that_stops_before_the_files_end_is_interrupted(server, client: Client) -> None:
    server.acts = [server.answering(206, FILE[100:200], "Content-Range: bytes 100-199/10240")]

    with pytest.raises(Interrupted) as caught:
        await fetched(client, f"{server.url}/a", 100, ETAG)

    assert caught.value.fault.code == "cut-short"


async def test_a_body_with_no_length_at_all_tells_no_total(server, client: Client) -> None:
    server.acts = [server.sending(b"HTTP/1.1 200 OK\r\n\r\n" + FILE, then="fin")]

    answer, content = await fetched(client, f"{server.url}/a")

    assert content == FILE
    assert isinstance(answer, Body)
    assert answer.total is None


async def test_a_compressed_body_is_refused(server, client: Client) -> None:
    server.acts = [server.answering(200, gzip.compress(bytes(1_000_000)), "Content-Encoding: gzip")]

    answer, _ = await fetched(client, f"{server.url}/a")

    assert isinstance(answer, Fault)
    assert (answer.kind, answer.code) == (FaultKind.REFUSED, "encoded")


async def test_a_file_that_is_told_to_be_too_large_is_refused(server, settings: Settings, tls: ssl.SSLContext) -> None:
    server.acts = [server.answering(200, FILE)]

    async with Client(server.origin, KEY, settings=replace(settings, most_bytes=1000), tls=tls) as client:
        answer, _ = await fetched(client, f"{server.url}/a")

    assert isinstance(answer, Fault)
    assert answer.code == "too-large"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # on trio httpx leaves its generators to be warned about
async def test_an_endless_file_is_cut_at_the_cap(server, settings: Settings, tls: ssl.SSLContext) -> None:
    server.acts = [server.sending(b"HTTP/1.1 200 OK\r\n\r\n" + FILE, then="fin")]

    async with Client(server.origin, KEY, settings=replace(settings, most_bytes=len(FILE) - 1), tls=tls) as client:
        with pytest.raises(Interrupted) as caught:
            await fetched(client, f"{server.url}/a")

    assert caught.value.fault.code == "too-large"


async def test_a_crawling_download_is_given_up(server, hasty: Settings, tls: ssl.SSLContext) -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b"x" * 20
    server.acts = [server.dripping(body, 0.1)]

    async with Client(server.origin, KEY, settings=replace(hasty, read=2), tls=tls) as client:
        with pytest.raises(Interrupted) as caught:
            await fetched(client, f"{server.url}/a")

    assert caught.value.fault.code == "slow"


async def test_a_silent_download_is_given_up(server, hasty: Settings, tls: ssl.SSLContext) -> None:
    server.acts = [server.sending(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nabc", then="stall")]

    async with Client(server.origin, KEY, settings=replace(hasty, read=1.5), tls=tls) as client:
        with pytest.raises(Interrupted):
            await fetched(client, f"{server.url}/a")


async def test_redirects_are_followed_a_few_times(server, other, client: Client) -> None:
    server.acts = [
        server.answering(302, b"", "Location: /b"),
        server.answering(307, b"", f"Location: {other.url}/c?x=1"),
    ]
    other.acts = [other.answering(200, FILE)]

    _, content = await fetched(client, f"{server.url}/a")

    assert content == FILE
    assert server.requests[1].startswith(b"GET /b ")
    assert other.requests[0].startswith(b"GET /c?x=1 ")


async def test_redirects_without_end_are_not(server, client: Client) -> None:
    server.acts = [server.answering(302, b"", "Location: /again")]

    answer, _ = await fetched(client, f"{server.url}/a")

    assert isinstance(answer, Fault)
    assert answer.code == "redirects"
    assert len(server.requests) <= 7


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://169.254.169.254/latest",
        "http://[fe80::1]/",
        "http://u:p@127.0.0.1/",
        "http://[::",
    ],
)
async def test_a_redirect_astray_is_refused(server, client: Client, location: str) -> None:
    server.acts = [server.answering(302, b"", f"Location: {location}")]

    answer, _ = await fetched(client, f"{server.url}/a")

    assert isinstance(answer, Fault)
    assert (answer.kind, answer.code) == (FaultKind.REFUSED, "unsafe-link")
    assert len(server.requests) == 1


async def test_a_redirect_to_nowhere_is_a_fault(server, client: Client) -> None:
    server.acts = [server.answering(302)]

    answer, _ = await fetched(client, f"{server.url}/a")

    assert isinstance(answer, Fault)


async def test_a_host_that_is_gone_is_a_fault(client: Client, other) -> None:
    other.close()

    answer, _ = await fetched(client, f"{other.url}/a")

    assert isinstance(answer, Fault)


async def test_the_proxy_of_the_api_carries_no_download(server, other, settings: Settings, tls: ssl.SSLContext) -> None:
    server.acts = [server.answering(200, FILE)]

    async with Client(server.origin, KEY, settings=settings, tls=tls, proxy=other.url) as client:
        _, content = await fetched(client, f"{server.url}/a")

    assert content == FILE
    assert other.requests == []


class Dialled(httpx.AsyncBaseTransport):
    """A transport that notes where it was sent and connects to nothing."""

    def __init__(self, *refusing: str) -> None:
        self.requests: list[httpx.Request] = []
        self.refusing = refusing

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.host in self.refusing:
            raise httpx.ConnectError("refused")
        return httpx.Response(200)


def names(**known: Sequence[str]):  # noqa: ANN201 - a resolver
    async def resolve(host: str, port: int) -> Sequence[str]:
        del port
        name = host.replace(".", "_").replace("-", "_")
        if name not in known:
            raise OSError("no such name")
        return known[name]

    return resolve


def get(url: str) -> httpx.Request:
    return httpx.Request("GET", url, extensions={"timeout": {"connect": 1, "read": 1, "write": 1, "pool": 1}})


PUBLIC = origin_of("https://toapis.com")
TRICKS = [
    "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f.0.0.1/", "https://017700000001/",
    "https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/", "https://169.254.169.254/", "https://0.0.0.0/",
    "https://100.64.0.1/", "https://100.100.100.200/", "https://224.0.0.1/", "https://255.255.255.255/",
    "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/", "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/", "https://[fe80::1]/", "https://[fd00::1]/",
    "https://localtest.example/", "https://mixed.example/",
]  # fmt: skip
ASTRAY = names(
    toapis_com=["104.18.1.1"],
    localtest_example=["127.0.0.1"],
    mixed_example=["93.184.216.34", "10.0.0.1"],
    **{host: ["127.0.0.1"] for host in ("127_1", "2130706433", "0x7f_0_0_1", "017700000001")},
)


@pytest.mark.parametrize("url", TRICKS)
async def test_no_trick_leads_a_download_inside(url: str) -> None:
    inner = Dialled()

    with pytest.raises(UnsafeLinkError):
        await Pinned(inner, PUBLIC, ASTRAY).handle_async_request(get(url))

    assert inner.requests == []


async def test_a_name_is_resolved_once_and_its_address_dialled() -> None:
    inner = Dialled()

    await Pinned(inner, PUBLIC, names(files_toapis_com=["93.184.216.34"])).handle_async_request(
        get("https://files.toapis.com:8443/a?b=%2F")
    )

    sent = inner.requests[0]
    assert str(sent.url) == "https://93.184.216.34:8443/a?b=%2F"
    assert sent.headers["host"] == "files.toapis.com:8443"
    assert sent.extensions["sni_hostname"] == "files.toapis.com"


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    inner = Dialled("2606:4700::1")
    resolve = names(files_toapis_com=["2606:4700::1", "93.184.216.34"])

    response = await Pinned(inner, PUBLIC, resolve).handle_async_request(get("https://files.toapis.com/a"))

    assert response.status_code == 200
    assert [request.url.host for request in inner.requests] == ["2606:4700::1", "93.184.216.34"]


async def test_a_host_whose_addresses_all_refuse_is_not_reached() -> None:
    inner = Dialled("93.184.216.34")

    with pytest.raises(httpx.ConnectError):
        await Pinned(inner, PUBLIC, names(a_example=["93.184.216.34"])).handle_async_request(get("https://a.example/"))


@pytest.mark.parametrize("known", [{}, {"a_example": []}], ids=["unknown", "empty"])
async def test_a_host_without_addresses_is_not_reached(known: dict[str, list[str]]) -> None:
    with pytest.raises(httpx.ConnectError):
        await Pinned(Dialled(), PUBLIC, names(**known)).handle_async_request(get("https://a.example/"))


async def test_a_service_on_a_private_network_may_hand_out_private_links() -> None:
    inner = Dialled()
    resolve = names(gateway_corp=["10.0.0.5"], files_corp=["10.0.0.6"], metadata_corp=["169.254.169.254"])
    pinned = Pinned(inner, origin_of("https://gateway.corp"), resolve)

    await pinned.handle_async_request(get("https://files.corp/a"))
    with pytest.raises(UnsafeLinkError):
        await pinned.handle_async_request(get("https://metadata.corp/a"))

    assert [request.url.host for request in inner.requests] == ["10.0.0.6"]
