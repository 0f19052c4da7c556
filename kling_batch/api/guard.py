"""Which links and addresses a download may go to: a link comes from outside, and must not lead inside.

Reliability b5 and promise P21. A link is judged twice: as a text, and by every address that its host has.
"""

import ipaddress
from typing import TypeAlias
from urllib.parse import urlsplit

from kling_batch.api.origin import Origin

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_UNICAST6 = ipaddress.IPv6Network("2000::/3")
_METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192")))


def link_trouble(url: str, service: Origin) -> str | None:
    """Say why a link is not to be followed, `None` if it may be: https, or as plain as a service on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in ("http", "https"):
        return f"its scheme is `{parts.scheme[:20]}`"
    if parts.scheme == "http" and not service.is_loopback:
        return "it is plain `http`"
    if not host:
        return "it has no host"
    return "it carries a user name" if "@" in parts.netloc else None


def is_allowed(address: str, *, near: bool) -> bool:
    """Say whether a download may connect to a public unicast address, or to a private one of a service that is `near`.

    Near is a service on this machine or on a private network. Metadata and link-local addresses are never allowed.
    """
    try:
        innermost = _unwrapped(ipaddress.ip_address(address))
    except ValueError:
        return False
    return is_public(innermost) or (near and _is_private(innermost))


def is_public(address: Address) -> bool:
    """Say whether an address is one that the whole internet knows; Python calls multicast ones global too."""
    if address.is_multicast or not address.is_global or address in _METADATA:
        return False
    return isinstance(address, ipaddress.IPv4Address) or address in _UNICAST6


def _is_private(address: Address) -> bool:
    odd = address.is_link_local or address.is_multicast or address.is_unspecified or address in _METADATA
    return (address.is_private or address.is_loopback) and not (
        odd or (address.is_reserved and not address.is_loopback)
    )


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo, NAT64 or the old compatible form."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    for inner in (address.ipv4_mapped, address.sixtofour, address.teredo and address.teredo[1]):
        if inner:
            return inner
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
