"""Where the service is, and the key for it: what may be sent where, decided before anything is sent."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import SplitResult, urlsplit

from kling_batch.api.redact import cleaned
from kling_batch.errors import AccountError, UsageError

GATEWAY = "https://toapis.com/v1"
LOOPBACK = "http://127.0.0.1"  # the name of every service on this machine: its port changes from start to start

_ENDPOINT = "/videos/generations"
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_PORTS = {"http": 80, "https": 443}
_KEY_HELP = "set `TOAPIS_API_KEY` to the key as the console shows it, or use `--sandbox`, which needs none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One service: the `base` of its URLs (no slash at the end), the `name` that a lock is bound to, and its host."""

    base: str
    name: str
    scheme: Literal["http", "https"]
    host: str
    is_loopback: bool


def origin_of(base_url: str) -> Origin:
    """Read a base URL, mending a doubled or missing `/v1`. Raises `UsageError` for one that is not to be trusted."""
    text = base_url.strip()
    parts = _split(text)
    host = _host(parts, text)
    is_loopback = is_loopback_host(host)
    if parts.scheme == "http" and not is_loopback:
        raise _refused(text, "plain `http` would show the key to the network", "write `https://`")
    bracketed = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port not in (None, _PORTS[parts.scheme]) else ""
    at = f"{parts.scheme}://{bracketed}{port}"
    return Origin(
        base=at + _mended(parts.path, text),
        name=LOOPBACK if is_loopback else at,
        scheme=cast("Literal['http', 'https']", parts.scheme),
        host=host,
        is_loopback=is_loopback,
    )


def service_of(base_url: str) -> str:
    """Return the name that a lock is bound to: `https://toapis.com`, or one name for all of this machine."""
    return origin_of(base_url).name


def is_loopback_host(host: str) -> bool:
    """Say whether a host is this machine by its plain name or address; no name is looked up for it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def checked_key(text: str | None) -> str:
    """Return an API key that is fit for a header; raises `AccountError`, which never shows what was given."""
    key = (text or "").strip()
    if not key:
        raise AccountError("there is no API key", help=_KEY_HELP)
    if key.upper().strip("<>{}$ ").replace("-", "_") in (
        "YOUR_API_KEY",
        "SK_YOUR_API_KEY",
        "TOAPIS_API_KEY",
        "API_KEY",
    ):
        raise AccountError("the API key is a placeholder", help=_KEY_HELP)
    if key.lower().startswith("bearer"):
        raise AccountError("the API key has `Bearer` before it", help="give the key alone: `sk-...`")
    if not re.fullmatch(r"[!#-&(-~]{1,512}", key):
        raise AccountError("the API key has quotes, spaces, or characters that no key has", help=_KEY_HELP)
    return key


def _split(text: str) -> SplitResult:
    if not text.isascii() or not text.isprintable() or re.search(r"[\s\\%]", text):
        raise _refused(text, "it has spaces, escapes or characters that hide where it leads", "write it plainly")
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise _refused(text, str(error).lower(), f"write it as `{GATEWAY}`") from error
    if parts.scheme not in _PORTS:
        raise _refused(text, "it has to begin with `https://`", f"write it as `{GATEWAY}`")
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise _refused(text, "it has a user name, a query or a fragment", "leave only host, port and path")
    return parts


def _host(parts: SplitResult, text: str) -> str:
    host = (parts.hostname or "").rstrip(".")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        if _HOST.fullmatch(host) and ".." not in host and not re.fullmatch(r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)", host):
            return host
    raise _refused(text, "its host is neither a name nor a plain address", f"write it as `{GATEWAY}`")


def _mended(path: str, text: str) -> str:
    path = path.rstrip("/").removesuffix(_ENDPOINT).rstrip("/")
    if not _PATH.fullmatch(path):
        raise _refused(text, "its path has empty, `.` or `..` parts", f"write it as `{GATEWAY}`")
    return re.sub(r"(?:/v1)*\Z", "", path) + "/v1"


def _refused(text: str, why: str, better: str) -> UsageError:
    return UsageError(f"the base URL `{cleaned(text)[:200]}` cannot be used: {why}", help=better)
