"""Addresses of images: they must be ones that the service, far away, can reach, and they must not carry secrets."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

_LOCAL = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test", ".invalid", ".onion")


def is_address(text: str) -> bool:
    """Say whether a text is meant as an address, not as a path below the manifest's folder."""
    scheme, colon, _ = text.partition(":")
    return bool(colon) and len(scheme) > 1 and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum()


def address_fault(text: str) -> tuple[str, str] | None:
    """Return the code and the reason why an address cannot be an image's, or `None`."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        return "image-url", f"is not a URL: {error}"
    if parts.scheme.lower() not in ("http", "https"):
        return "image-url", f"has the scheme `{parts.scheme[:20]}:`, and images are taken from `https:` or `http:` only"
    if not host or any(each.isspace() or not each.isprintable() for each in text):
        return "image-url", "is not a whole URL"
    return _credentials(parts) or _not_public(host)


def _credentials(parts: SplitResult) -> tuple[str, str] | None:
    if parts.username is not None or parts.password is not None:
        return "image-url", "carries a user name or password, which would be stored and sent on"
    return None


def _not_public(host: str) -> tuple[str, str] | None:
    host = host.rstrip(".").lower()
    reason = "is not publicly reachable, and the service fetches images itself"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        numeric = all(part.isdecimal() or part.startswith("0x") for part in host.split("."))
        named_locally = "." not in host or host.endswith(_LOCAL)
        return ("image-url", reason) if numeric or named_locally else None
    mapped = getattr(address, "ipv4_mapped", None) or address
    return None if mapped.is_global and not mapped.is_multicast else ("image-url", reason)
