"""A server made of plain sockets, so that a test can break the protocol at any byte of it."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kling_batch.api.client_settings import Settings
from kling_batch.api.origin import Origin, origin_of

Act = Callable[[socket.socket], None]


class RawServer:
    """Reads each request whole and does what was scripted for it, in turn; the last act is repeated."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.connections = 0
        self.acts: list[Act] = [self.answering(200, {"id": "tsk_1", "status": "queued"})]
        self.reads_first = True
        self.over = threading.Event()
        self._tls: ssl.SSLContext | None = None
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def origin(self) -> Origin:
        return origin_of(self.url)

    def speak_tls(self, pem: Path) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pem)

    def close(self) -> None:
        self.over.set()
        for each in (self.listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def answering(self, status: int, body: object = b"", /, *lines: str) -> Act:
        """Answer with a status, a JSON value or bytes, and header lines beside `Content-Length`."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = (f"HTTP/1.1 {status} x", f"Content-Length: {len(content)}", *lines)
        return self.sending("\r\n".join(lines).encode() + b"\r\n\r\n" + content)

    def sending(self, raw: bytes, *, then: str = "keep") -> Act:
        """Send bytes as they are, then keep the connection, finish (`fin`), reset (`rst`) or `stall` it."""

        def act(connection: socket.socket) -> None:
            connection.sendall(raw)
            if then == "rst":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if then in ("rst", "fin"):
                connection.close()
            if then == "stall":
                self.over.wait(5)

        return act

    def dripping(self, raw: bytes, gap: float) -> Act:
        """Send one byte at a time."""

        def act(connection: socket.socket) -> None:
            for index in range(len(raw)):
                connection.sendall(raw[index : index + 1])
                self.over.wait(gap)

        return act

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while True:
                if self.reads_first:
                    request = _request(connection)
                    if not request:
                        return
                    self.requests.append(request)
                act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
                act(connection)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += (more := connection.recv(65536))
        if not more:
            return data
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while lengths and len(body) < lengths[0]:
        body += (more := connection.recv(65536))
        if not more:
            break
    return head + b"\r\n\r\n" + body


@pytest.fixture
def server() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.close()


@pytest.fixture
def settings() -> Settings:
    return Settings(connect=3, read=3, look_deadline=5, submit_deadline=5)


@pytest.fixture
def hasty() -> Settings:
    return Settings(connect=3, read=0.3, look_deadline=0.5, submit_deadline=0.4, slow_window=0.2, slow_rate=10_000)


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """One context for all tests: making one costs more than most of them."""
    return ssl.create_default_context()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)
