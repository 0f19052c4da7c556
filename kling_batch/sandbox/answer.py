"""What goes back over the wire, as a value: a status, headers and a body in parts; and the shapes of refusals."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from kling_batch.job import Json

Headers = tuple[tuple[str, str], ...]
Part = bytes | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer. The body is in parts, so that a large file is never copied; `length` bytes in all."""

    status: int
    headers: Headers = ()
    parts: tuple[Part, ...] = ()

    @property
    def length(self) -> int:
        """The length of the body in bytes."""
        return sum(len(part) for part in self.parts)

    @property
    def body(self) -> bytes:
        """The body in one piece."""
        return b"".join(self.parts)

    def with_headers(self, headers: Mapping[str, str | None]) -> "Answer":
        """Return the same answer with some headers set, or taken away where the value is `None`."""
        named = {name.lower(): value for name, value in headers.items()}
        kept = tuple((name, value) for name, value in self.headers if name not in named)
        added = tuple((name, value) for name, value in named.items() if value is not None)
        return Answer(status=self.status, headers=kept + added, parts=self.parts)


def told(value: Json, *, status: int = 200, headers: Headers = ()) -> Answer:
    """Return a JSON answer."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status=status, headers=(("content-type", "application/json"), *headers), parts=(body,))


def refused(
    status: int,
    code: str | int,
    message: str,
    *,
    kind: str | None = None,
    param: str | None = None,
    headers: Headers = (),
) -> Answer:
    """Return a refusal in the documented shape, `{"error": {code, message, param, type}}` (contract 3.2)."""
    error: dict[str, Json] = {"code": code, "message": message}
    if param is not None:
        error["param"] = param
    if kind is not None:
        error["type"] = kind
    return told({"error": error}, status=status, headers=headers)


def unauthorized() -> Answer:
    """Return the refusal of a key, 401."""
    return refused(401, 401, "Authentication failed", kind="authentication_error")


def no_task() -> Answer:
    """Return the answer for a task that nobody knows, 404 (contract 2.4)."""
    return refused(404, 404, "Task not found", kind="not_found_error")


def no_route(method: str, path: str) -> Answer:
    """Return the answer for an address that does not exist, 404, as the gateway words it."""
    return refused(404, "", f"Invalid URL ({method} {path})", kind="invalid_request_error")


def bad_request(message: str, param: str) -> Answer:
    """Return the refusal of a request for one of its fields, 400."""
    return refused(400, "invalid_request", message, kind="invalid_request_error", param=param)
