"""The client's limits, and what it makes of a network that fails it."""

import ssl
from dataclasses import dataclass

import anyio
import httpx

from kling_batch.api.answers import Fault, FaultKind
from kling_batch.api.redact import cleaned

NETWORK = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,  # a `TimeoutError` is one
    ssl.CertificateError,
    UnicodeError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times in seconds, sizes in bytes (contract 10 item 4, reliability b5)."""

    connect: float = 15.0
    read: float = 30.0
    look_deadline: float = 60.0
    submit_deadline: float = 180.0  # of a whole submit, however slowly its answer drips
    submit_connections: int = 4
    look_connections: int = 32
    download_connections: int = 32
    keepalive: float = 3.0  # an idle connection that the service closes just as a POST goes out leaves it in doubt
    longest_answer: int = 1024 * 1024
    most_bytes: int = 2 * 1024**3
    slow_rate: int = 1024
    slow_window: float = 60.0
    redirects: int = 5


def timeout_of(settings: Settings, *, read: float) -> dict[str, float]:
    """Return a request's time limits as httpx's transports take them."""
    return {"connect": settings.connect, "read": read, "write": read, "pool": settings.connect}


def lost(error: Exception) -> Fault:
    """Return the fault of a request that is safe to repeat and got no whole answer."""
    kind = FaultKind.UNSENT if isinstance(error, _NEVER_LEFT) else FaultKind.UNCLEAR
    return Fault(kind=kind, code=type(error).__name__, message=told(error))


def told(error: Exception) -> str:
    """Return what went wrong in words, without secrets; an exception without words is told by its name."""
    return cleaned(str(error)) or type(error).__name__
