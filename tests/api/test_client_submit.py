"""The truth table of reliability b3, against a server that misbehaves byte by byte."""

# ruff: noqa: ANN001 - the server's type lives in conftest.py, and test files do not import each other

import socket
import ssl
from collections.abc import AsyncIterator

import anyio
import pytest

from kling_batch.api.answers import Accepted, Fault, FaultKind
from kling_batch.api.client import Client
from kling_batch.api.client_settings import Settings
from kling_batch.api.client_submit import SentTwiceError, Wire
from kling_batch.api.origin import origin_of

pytestmark = pytest.mark.anyio

KEY = "sk-canary-0123456789abcdef"
BODY = {"model": "kling-v2-6", "prompt": "海浪", "client_business_id": "kb1-a"}
TASK = b'{"id":"tsk_1","status":"queued"}'


class Hook:
    """Notes how often it was awaited, and how many requests the server had seen by then."""

    def __init__(self, server) -> None:
        self.server = server
        self.seen: list[int] = []

    async def __call__(self) -> None:
        self.seen.append(len(self.server.requests))


@pytest.fixture
async def client(server, settings: Settings, tls: ssl.SSLContext) -> AsyncIterator[Client]:
    async with Client(server.origin, KEY, settings=settings, tls=tls) as client:
        yield client


async def test_a_submit_is_accepted_and_its_hook_ran_before_the_first_byte(server, client: Client) -> None:
    hook = Hook(server)

    answer = await client.submit(BODY, hook)

    assert answer == Accepted(task="tsk_1")
    assert hook.seen == [0]
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/videos/generations HTTP/1.1")
    assert b"Authorization: Bearer " + KEY.encode() in head
    assert b"User-Agent: kling-batch/" in head
    assert b"Accept-Encoding: identity" in head
    assert "海浪".encode() in body


async def test_what_the_hook_raises_stops_the_request_and_leaves_the_pool_usable(server, client: Client) -> None:
    async def full_disk() -> None:
        raise OSError("no space left on device")

    for _ in range(6):  # more than there are connections
        with pytest.raises(OSError, match="no space left"):
            await client.submit(BODY, full_disk)
    answer = await client.submit(BODY, Hook(server))

    assert answer == Accepted(task="tsk_1")
    assert len(server.requests) == 1


async def test_nothing_is_sent_where_nobody_listens(settings: Settings, tls: ssl.SSLContext, server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    hook = Hook(server)

    async with Client(origin_of(f"http://127.0.0.1:{port}"), KEY, settings=settings, tls=tls) as client:
        answer = await client.submit(BODY, hook)

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.UNSENT
    assert hook.seen == []


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n"
DOUBTFUL = {
    "silence": (b"", "stall"),
    "a reset after reading": (b"", "rst"),
    "an end after reading": (b"", "fin"),
    "half a status line": (b"HTTP/1.1 2", "fin"),
    "a garbled status line": (b"HTP/9 whatever\r\n\r\n", "fin"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "fin"),
    "a huge header": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", "fin"),
    "a head, then a reset": (HEAD, "rst"),
    "a head, then an end": (HEAD, "fin"),
    "a head, then silence": (HEAD, "stall"),
    "half a body": (HEAD + TASK[:20], "fin"),
    "a bad chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", "fin"),
    "a whole refusal that is cut": (b"HTTP/1.1 400 Bad\r\nContent-Length: 99\r\n\r\n{}", "fin"),
    "too much rate limit that is cut": (b"HTTP/1.1 429 Slow\r\nContent-Length: 99\r\n\r\n{}", "fin"),
    "an empty 200": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "keep"),
    "a page with 200": (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>", "keep"),
    "gzip that is none": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", "keep"),
    "a timeout of the service": (b"HTTP/1.1 408 x\r\nContent-Length: 0\r\n\r\n", "keep"),
    "a conflict": (b"HTTP/1.1 409 x\r\nContent-Length: 0\r\n\r\n", "keep"),
    "an error of the service": (b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", "keep"),
    "a bad gateway": (b"HTTP/1.1 502 x\r\nContent-Length: 6\r\n\r\n<html>", "keep"),
    "an origin out of reach": (b"HTTP/1.1 522 x\r\nContent-Length: 6\r\n\r\n<html>", "keep"),
}


@pytest.mark.parametrize(("raw", "then"), DOUBTFUL.values(), ids=DOUBTFUL.keys())
async def test_a_sent_request_without_a_clear_answer_is_unclear(
    server, settings: Settings, hasty: Settings, tls: ssl.SSLContext, raw: bytes, then: str
) -> None:
    server.acts = [server.sending(raw, then=then)]
    hook = Hook(server)

    async with Client(server.origin, KEY, settings=hasty if then == "stall" else settings, tls=tls) as client:
        answer = await client.submit(BODY, hook)

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.UNCLEAR
    assert hook.seen == [0]
    assert len(server.requests) == 1


async def test_an_unclear_answer_is_kept_as_it_came_without_its_secrets(server, client: Client) -> None:
    link = "https:\\/\\/files.example\\/a.mp4?sign=s3cret"
    said = f'{{"code": 7, "trace": "t-1", "key": "{KEY}", "url": "{link}"}}'.encode()
    server.acts = [server.answering(500, said)]

    answer = await client.submit(BODY, Hook(server))

    assert isinstance(answer, Fault)
    assert answer.evidence == '{"code": "7", "trace": "t-1", "key": "***", "url": "https://files.example/a.mp4?***"}'


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # on trio httpx leaves its generators to be warned about
async def test_an_answer_without_end_is_read_to_a_limit_and_is_unclear(server, client: Client) -> None:
    server.acts = [server.sending(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 3_000_000, then="fin")]

    answer = await client.submit(BODY, Hook(server))

    assert isinstance(answer, Fault)
    assert (answer.kind, answer.code) == (FaultKind.UNCLEAR, "TooLongError")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # on trio httpx leaves its generators to be warned about
async def test_a_reset_before_the_request_was_read_is_unclear_too(server, client: Client) -> None:
    server.reads_first = False
    server.acts = [server.sending(b"", then="rst")]

    answer = await client.submit(BODY, Hook(server))

    assert isinstance(answer, Fault)
    assert answer.kind in (FaultKind.UNCLEAR, FaultKind.UNSENT)


async def test_an_id_counts_only_if_its_json_came_whole(server, client: Client) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
    server.acts = [server.sending(head + TASK[:cut], then="fin") for cut in range(len(TASK))]

    answers = [await client.submit(BODY, Hook(server)) for _ in server.acts[:]]

    assert {answer.kind for answer in answers if isinstance(answer, Fault)} == {FaultKind.UNCLEAR}
    assert len(server.requests) == len(answers) == len(TASK)


async def test_a_cut_answer_that_shows_the_whole_task_is_accepted(server, client: Client) -> None:
    server.acts = [server.sending(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + TASK, then="fin")]

    answer = await client.submit(BODY, Hook(server))

    assert answer == Accepted(task="tsk_1")


async def test_a_dripping_answer_ends_at_the_deadline(server, hasty: Settings, tls: ssl.SSLContext) -> None:
    server.acts = [server.dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n" + TASK, 0.1)]

    async with Client(server.origin, KEY, settings=hasty, tls=tls) as client:
        with anyio.fail_after(2):
            answer = await client.submit(BODY, Hook(server))

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.UNCLEAR


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_post_is_never_followed(server, other, client: Client, status: int) -> None:
    server.acts = [server.answering(status, b"", f"Location: {other.url}/v1/videos/generations")]

    answer = await client.submit(BODY, Hook(server))

    assert isinstance(answer, Fault)
    assert answer.kind is (FaultKind.UNCLEAR if status in (302, 303) else FaultKind.CONFIGURATION)
    assert other.connections == 0
    assert len(server.requests) == 1


async def test_an_answer_to_another_submit_is_unclear(server, client: Client) -> None:
    server.acts = [server.answering(200, {"id": "tsk_9", "status": "queued", "client_business_id": "kb1-b"})]

    answer = await client.submit(BODY, Hook(server))

    assert isinstance(answer, Fault)
    assert (answer.kind, answer.code) == (FaultKind.UNCLEAR, "another-task")


async def test_the_key_is_in_no_text_that_comes_back(server, settings: Settings, tls: ssl.SSLContext) -> None:
    key = "canary.0123456789abcdef"
    server.acts = [server.answering(401, {"error": {"message": f"no such key: {key}"}})]

    async with Client(server.origin, key, settings=settings, tls=tls) as client:
        answer = await client.submit(BODY, Hook(server))

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.AUTH
    assert "canary" not in repr(answer)
    assert "no such key" in answer.message


async def test_a_closed_idle_connection_is_replaced_and_the_request_sent_once(server, client: Client) -> None:
    server.acts = [
        server.sending(HEAD + TASK, then="fin"),
        server.answering(200, {"id": "tsk_2", "status": "queued"}),
    ]
    first = await client.submit(BODY, Hook(server))
    await anyio.sleep(0.05)

    second = await client.submit(BODY, Hook(server))

    assert (first, second) == (Accepted(task="tsk_1"), Accepted(task="tsk_2"))
    assert len(server.requests) == 2


async def test_a_cancelled_submit_lets_the_cancellation_go_on(server, client: Client) -> None:
    server.acts = [server.sending(b"", then="stall")]
    hook = Hook(server)

    with anyio.move_on_after(0.2) as scope:
        await client.submit(BODY, hook)

    assert scope.cancelled_caught
    assert hook.seen == [0]


async def test_at_most_four_submits_are_on_the_wire(server, client: Client) -> None:
    server.acts = [server.sending(b"", then="stall")]
    hook = Hook(server)

    with anyio.move_on_after(0.4):
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(client.submit, BODY, hook)

    assert len(hook.seen) == 4


async def test_a_second_first_byte_in_one_submit_is_refused() -> None:
    async def nothing() -> None: ...

    wire = Wire(nothing)
    await wire.trace("http11.send_request_headers.started", {})

    with pytest.raises(SentTwiceError):
        await wire.trace("http11.send_request_headers.started", {})
    assert wire.is_sent


async def test_a_proxy_that_refuses_the_tunnel_leaves_nothing_sent(
    server, other, settings: Settings, tls: ssl.SSLContext
) -> None:
    other.acts = [other.answering(407)]
    hook = Hook(server)
    origin = origin_of("https://service.invalid/v1")

    async with Client(origin, KEY, settings=settings, tls=tls, proxy=other.url) as client:
        answer = await client.submit(BODY, hook)

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.CONFIGURATION
    assert hook.seen == []
    assert other.requests[0].startswith(b"CONNECT service.invalid:443")
    assert KEY.encode() not in other.requests[0]
