"""The addresses and links that a download may go to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.api.guard import is_allowed, link_trouble
from kling_batch.api.origin import origin_of

PUBLIC = origin_of("https://toapis.com")
HERE = origin_of("http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("address", "far", "near"),
    [
        ("93.184.216.34", True, True),
        ("2606:4700::1", True, True),
        ("64:ff9b::5db8:d822", True, True),
        ("127.0.0.1", False, True),
        ("10.1.2.3", False, True),
        ("::1", False, True),
        ("fd00::1", False, True),
        ("::ffff:10.0.0.1", False, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("100.100.100.200", False, False),
        ("100.64.0.1", False, False),
        ("fd00:ec2::254", False, False),
        ("224.0.0.1", False, False),
        ("ff02::1", False, False),
        ("0.0.0.0", False, False),  # noqa: S104 - nothing is bound
        ("::", False, False),
        ("240.0.0.1", False, False),
        ("fe80::1%eth0", False, False),
        ("4000::1", False, False),
        ("no address", False, False),
    ],
)
def test_an_address_is_judged_from_far_and_near(address: str, far: bool, near: bool) -> None:  # noqa: FBT001 - what is expected
    assert (is_allowed(address, near=False), is_allowed(address, near=True)) == (far, near)


@given(st.ip_addresses(v=4))
def test_an_address_in_disguise_is_judged_like_the_plain_one(plain: ipaddress.IPv4Address) -> None:
    number = int(plain)
    disguises = [f"::ffff:{plain}", str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80)))]
    disguises.append(str(ipaddress.IPv6Address((0x64FF9B << 96) | number)))

    judged = {is_allowed(each, near=False) for each in disguises}

    assert judged == {is_allowed(str(plain), near=False)}


@pytest.mark.parametrize(
    "url",
    [
        "http://files.toapis.com/a", "file:///etc/passwd", "ftp://a.b/c", "https://", "https://u:p@a.b/", "//a.b/c",
        "a.mp4", "https://[::1", "https://a.b:99999/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_a_link_that_is_not_plain_https_is_refused(url: str) -> None:
    assert link_trouble(url, PUBLIC)


@pytest.mark.parametrize("url", ["https://files.toapis.com/a?b=c", "https://a.b:8443/x"])
def test_a_plain_https_link_is_followed(url: str) -> None:
    assert link_trouble(url, PUBLIC) is None


def test_a_service_on_this_machine_may_hand_out_plain_http() -> None:
    assert link_trouble("http://127.0.0.1:9/a", HERE) is None
