"""A download dials an address, and still holds the certificate against the name in the link."""

# ruff: noqa: ANN001 - the server's type lives in conftest.py, and test files do not import each other

import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from kling_batch.api.answers import Body, Fault
from kling_batch.api.client import Client
from kling_batch.api.client_settings import Settings

pytestmark = pytest.mark.anyio

PEM = Path(__file__).parent / "tls" / "files.test.example.pem"  # made for this test; nothing else trusts it


async def at_home(host: str, port: int) -> Sequence[str]:
    del host, port
    return ("127.0.0.1",)


@pytest.fixture
def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=PEM)


async def test_the_certificate_has_to_fit_the_name_and_not_the_address(
    server, other, settings: Settings, trusting: ssl.SSLContext
) -> None:
    other.speak_tls(PEM)
    other.acts = [other.answering(200, b"video")]

    async with Client(server.origin, "sk-0123", settings=settings, tls=trusting, resolve=at_home) as client:
        async with client.fetch(f"https://files.test.example:{other.port}/a", 0, None) as right:
            assert isinstance(right, Body)
            content = b"".join([chunk async for chunk in right.chunks])
        async with client.fetch(f"https://evil.test.example:{other.port}/a", 0, None) as wrong:
            assert isinstance(wrong, Fault)

    assert content == b"video"
    assert len(other.requests) == 1
    assert b"host: files.test.example:" in other.requests[0].lower()


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    server, other, settings: Settings, tls: ssl.SSLContext
) -> None:
    other.speak_tls(PEM)

    link = f"https://files.test.example:{other.port}/a"

    async with (
        Client(server.origin, "sk-0123", settings=settings, tls=tls, resolve=at_home) as client,
        client.fetch(link, 0, None) as answer,
    ):
        assert isinstance(answer, Fault)

    assert other.requests == []
