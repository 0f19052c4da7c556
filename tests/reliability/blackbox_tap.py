"""A tap on the wire between a run and its service: it counts, and it kills the run at an exact point of a submit."""

import os
import re
import signal
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

Point = Literal["read", "charged", "half", "answered"]
POINTS: tuple[Point, ...] = ("read", "charged", "half", "answered")
"""Where a submit may be cut: read whole and not charged, charged, half of the answer sent, all of it sent."""
OWN_ID = re.compile(rb'"client_business_id": ?"([^"]+)"')


class Tap:
    """Passes HTTP/1.1 on, request by request; `posts` counts the submits that came through.

    Of the run that `watch` began with it tells the business ids of its submits in `own_ids`, and in `at_once` how many
    of them it had on the wire together.
    """

    def __init__(self, port: int) -> None:
        self.posts = 0
        self.requests = 0
        self.watch()
        self._target = port
        self._aim: tuple[Point, int, int] | None = None
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def watch(self) -> None:
        """Begin to count for another run; what a dead one still has on the wire is not counted with it."""
        self.own_ids: set[str] = set()
        self.at_once = 0
        self._flying: set[socket.socket] = set()

    def kill_at(self, point: Point, nth: int, pid: int) -> None:
        """Kill that process at this point of the nth submit from now on."""
        with self._lock:
            self._aim = (point, nth, pid)

    def _reached(self, point: Point, *, submit: bool) -> None:
        with self._lock:
            if not submit or self._aim is None or self._aim[0] != point:
                return
            point, nth, pid = self._aim
            self._aim = (point, nth - 1, pid) if nth > 1 else None
            if nth == 1:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        flying = self._flying  # that of the run which connects
        with client, socket.create_connection(("127.0.0.1", self._target)) as service, suppress(OSError):
            while request := message(client):
                submit = request.startswith(b"POST /v1/videos/")
                self.requests += 1
                self.posts += submit
                if submit:
                    self._takes_off(request, client, flying)
                self._reached("read", submit=submit)
                service.sendall(request)
                try:
                    answer = message(service)
                except ConnectionResetError:
                    flying.discard(client)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                self._reached("charged", submit=submit)
                middle = len(answer) // 2
                client.sendall(answer[:middle])
                self._reached("half", submit=submit)
                flying.discard(client)  # whoever has the last byte may send the next submit at once
                client.sendall(answer[middle:])
                self._reached("answered", submit=submit)

    def _takes_off(self, request: bytes, client: socket.socket, flying: set[socket.socket]) -> None:
        with self._lock:
            flying.add(client)
            self.own_ids |= {found.decode() for found in OWN_ID.findall(request)}
            self.at_once = max(self.at_once, len(self._flying))


def message(connection: socket.socket) -> bytes:
    """Return one message of HTTP/1.1 as it came, cut short where the connection ended."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += (more := connection.recv(65536))
        if not more:
            return data
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    ]
    while lengths and len(body) < lengths[0]:
        body += (more := connection.recv(65536))
        if not more:
            break
    return head + b"\r\n\r\n" + body
