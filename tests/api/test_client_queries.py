"""Looks, uploads and the balance: requests that are safe to repeat, on both transports."""

# ruff: noqa: ANN001 - the server's type lives in conftest.py, and test files do not import each other

import gzip
import logging
import ssl
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from kling_batch.api.answers import Absent, Allowance, Balance, Fault, FaultKind, Running, Uploaded
from kling_batch.api.client import Client
from kling_batch.api.client_settings import Settings
from kling_batch.api.origin import origin_of
from kling_batch.errors import UsageError

pytestmark = pytest.mark.anyio

KEY = "sk-canary-0123456789abcdef"
TASK = {"id": "tsk_1", "status": "in_progress", "progress": 40}


@pytest.fixture
async def client(server, settings: Settings, tls: ssl.SSLContext) -> AsyncIterator[Client]:
    async with Client(server.origin, KEY, settings=settings, tls=tls) as client:
        yield client


async def test_a_look_asks_by_an_encoded_id(server, client: Client) -> None:
    server.acts = [server.answering(200, TASK)]

    answer = await client.look("kb1-a/../b?c%")

    assert answer == Running(task="tsk_1", status="in_progress", progress=40)
    assert server.requests[0].startswith(b"GET /v1/videos/generations/kb1-a%2F..%2Fb%3Fc%25 HTTP/1.1\r\n")
    assert b"Bearer " + KEY.encode() in server.requests[0]


async def test_a_look_at_an_unknown_task_is_absent(server, client: Client) -> None:
    server.acts = [server.answering(404, {"error": {"code": 404, "message": "Task not found"}})]

    answer = await client.look("kb1-a")

    assert answer == Absent()


async def test_a_compressed_answer_is_read_though_plain_was_asked_for(server, client: Client) -> None:
    body = gzip.compress(b'{"id":"tsk_1","status":"queued"}')
    server.acts = [server.answering(200, body, "Content-Encoding: gzip")]

    answer = await client.look("tsk_1")

    assert answer == Running(task="tsk_1", status="queued")


async def test_a_compressed_bomb_is_unpacked_to_the_limit_only(server, client: Client) -> None:
    server.acts = [server.answering(200, gzip.compress(b" " * 5_000_000), "Content-Encoding: gzip")]

    answer = await client.look("tsk_1")

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.UNCLEAR


@pytest.mark.parametrize(
    ("raw", "then"),
    [
        (b"", "rst"),
        (b"garbage\r\n\r\n", "fin"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", "fin"),
        (b"", "stall"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "stall"),
    ],
    ids=["reset", "garbage", "cut", "silence", "silence in the body"],
)
async def test_a_look_that_goes_wrong_is_a_fault(
    server, hasty: Settings, tls: ssl.SSLContext, raw: bytes, then: str
) -> None:
    server.acts = [server.sending(raw, then=then)]

    async with Client(server.origin, KEY, settings=hasty, tls=tls) as client:
        answer = await client.look("tsk_1")

    assert isinstance(answer, Fault)
    assert KEY not in repr(answer)


async def test_a_dripping_look_ends_at_its_deadline(server, hasty: Settings, tls: ssl.SSLContext) -> None:
    server.acts = [server.dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 0.1)]

    async with Client(server.origin, KEY, settings=hasty, tls=tls) as client:
        answer = await client.look("tsk_1")

    assert isinstance(answer, Fault)


async def test_a_wrong_key_is_recognised_in_a_look(server, client: Client) -> None:
    server.acts = [server.answering(401, {"error": {"code": 401, "message": "Authentication failed"}})]

    answer = await client.look("tsk_1")

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.AUTH


async def test_cookies_of_the_service_are_not_kept(server, client: Client) -> None:
    server.acts = [server.answering(200, TASK, "Set-Cookie: spy=1")]

    await client.look("tsk_1")
    await client.look("tsk_1")

    assert b"spy" not in server.requests[1]


async def test_a_redirected_look_is_not_followed(server, other, client: Client) -> None:
    server.acts = [server.answering(302, b"", f"Location: {other.url}/")]

    answer = await client.look("tsk_1")

    assert isinstance(answer, Fault)
    assert other.connections == 0


async def test_what_is_told_about_rates_is_passed_on(server, settings: Settings, tls: ssl.SSLContext) -> None:
    heard: list[Allowance] = []
    server.acts = [
        server.answering(200, TASK, "X-RateLimit-Limit: 3000", "X-RateLimit-Remaining: 2999"),
        server.answering(429, b"", "Retry-After: 7", "X-RateLimit-Category: async_submit"),
    ]

    async def nothing() -> None: ...

    async with Client(server.origin, KEY, settings=settings, tls=tls, on_rate=heard.append) as client:
        await client.look("tsk_1")
        await client.submit({}, nothing)

    assert heard == [
        Allowance(category="async_query", limit=3000, remaining=2999),
        Allowance(category="async_submit", wait=7.0),
    ]


async def test_an_image_goes_up_as_one_form_file(server, client: Client) -> None:
    server.acts = [server.answering(200, {"success": True, "data": {"url": "https://files.toapis.com/a.png"}})]

    answer = await client.upload("kettle.png", b"\x89PNG...", "image/png")

    assert answer == Uploaded(url="https://files.toapis.com/a.png")
    assert b'name="file"; filename="kettle.png"' in server.requests[0]
    assert b"\x89PNG..." in server.requests[0]
    assert b"generation" in server.requests[0]


async def test_an_upload_that_is_lost_is_a_fault(server, client: Client) -> None:
    server.acts = [server.sending(b"", then="rst")]

    answer = await client.upload("kettle.png", b"x", "image/png")

    assert isinstance(answer, Fault)


async def test_the_balance_is_told_in_dollars(server, client: Client) -> None:
    server.acts = [server.answering(200, {"success": True, "remain_credits": 500}), server.answering(404, {})]

    assert await client.balance() == Balance(usd=Decimal("2.5"))
    assert await client.balance() is None


async def test_a_proxy_carries_the_api(server, other, settings: Settings, tls: ssl.SSLContext) -> None:
    other.acts = [other.answering(200, TASK)]

    async with Client(server.origin, KEY, settings=settings, tls=tls, proxy=other.url) as client:
        answer = await client.look("tsk_1")

    assert isinstance(answer, Running)
    assert server.requests == []
    assert other.requests[0].startswith(f"GET {server.url}/v1/videos/generations/tsk_1 ".encode())


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense", "http://"])
async def test_a_proxy_that_cannot_be_used_is_a_usage_error(proxy: str) -> None:
    with pytest.raises(UsageError):
        Client(origin_of("https://toapis.com"), KEY, proxy=proxy)


@pytest.mark.usefixtures("client")
async def test_the_libraries_underneath_log_no_links() -> None:
    levels = [logging.getLogger(name).level for name in ("httpx", "httpcore", "aiohttp")]

    assert levels == [logging.WARNING] * 3


async def test_a_client_without_a_context_of_its_own_makes_one(server) -> None:
    server.acts = [server.answering(200, TASK)]

    async with Client(server.origin, KEY) as client:
        answer = await client.look("tsk_1")

    assert isinstance(answer, Running)
