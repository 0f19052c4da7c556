"""Where the key may go, and what a key looks like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.api.origin import GATEWAY, checked_key, is_loopback_host, origin_of, service_of
from kling_batch.errors import AccountError, UsageError


@pytest.mark.parametrize(
    ("written", "base"),
    [
        (GATEWAY, "https://toapis.com/v1"),
        (" https://toapis.com/v1/ ", "https://toapis.com/v1"),
        ("https://toapis.com", "https://toapis.com/v1"),
        ("https://toapis.com/v1/v1", "https://toapis.com/v1"),
        ("https://toapis.com/v1/videos/generations", "https://toapis.com/v1"),
        ("HTTPS://ToAPIs.com:443/v1", "https://toapis.com/v1"),
        ("https://gateway.example:8443/kling", "https://gateway.example:8443/kling/v1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://localhost/v1", "http://localhost/v1"),
    ],
)
def test_a_base_url_is_mended(written: str, base: str) -> None:
    assert origin_of(written).base == base


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("https://toapis.com/v1", "https://toapis.com"),
        ("https://toapis.com:443/v1/v1", "https://toapis.com"),
        ("https://toapis.cn:8443", "https://toapis.cn:8443"),
        ("http://127.0.0.1:40001/v1", "http://127.0.0.1"),
        ("http://localhost:40002", "http://127.0.0.1"),
        ("http://[::1]:40003", "http://127.0.0.1"),
        ("https://127.0.0.1:40004", "http://127.0.0.1"),
    ],
)
def test_a_lock_is_bound_to_an_origin_and_not_to_a_port_of_this_machine(written: str, name: str) -> None:
    assert service_of(written) == name


@pytest.mark.parametrize(
    "written",
    [
        "", "toapis.com", "ftp://toapis.com", "http://toapis.com/v1", "http://10.0.0.1/v1", "https://", "https:///v1",
        "https://user:secret@toapis.com/v1", "https://toapis.com@evil.example/v1", "https://toapis.com/v1?key=secret",
        "https://toapis.com/v1#x", "https://toapis.com/../v1", "https://toapis.com/./v1", "https://toapis.com//v1",
        "https://toapis.com/%2e%2e/v1", "https://toapis.com\\@evil.example", "https://toapis.com:99999/v1",
        "https://toapis.com:x/v1", "https://2130706433/v1", "https://0x7f.1/v1", "https://a..b/v1", "https://-a.b/v1",
        "https://t\u043eapis.com/v1", "https://toapis.com/v1\nX: y", "https://toapis .com", "https://[::1/v1",
    ],
)  # fmt: skip
def test_a_base_url_that_hides_where_it_leads_is_refused(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        origin_of(written)

    assert caught.value.help
    assert "secret" not in caught.value.message
    assert caught.value.message.isprintable()


@given(st.text(max_size=40) | st.text(max_size=20).map("https://".__add__))
def test_any_text_is_an_origin_or_a_usage_error(text: str) -> None:
    try:
        origin = origin_of(text)
    except UsageError:
        return
    assert origin.base.endswith("/v1")
    assert origin_of(origin.base) == origin


@pytest.mark.parametrize(("host", "expected"), [("127.8.9.1", True), ("localhost.", True), ("127.evil.example", False)])
def test_this_machine_is_known_by_its_plain_names(host: str, expected: bool) -> None:  # noqa: FBT001 - what is expected
    assert is_loopback_host(host) is expected


def test_a_key_is_taken_without_the_space_around_it() -> None:
    assert checked_key("  sk-0123456789\n") == "sk-0123456789"


@pytest.mark.parametrize(
    "text",
    [
        None, "", "   ", "YOUR_API_KEY", "sk-your-api-key", "<YOUR_API_KEY>", "Bearer sk-0123456789", "bearer:sk-0123",
        "sk-01 23", "sk-01\n23", "'sk-0123456789'", '"sk-0123456789"', "sk-schlüssel", "sk-\x00", "x" * 600,
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(text: str | None) -> None:
    with pytest.raises(AccountError) as caught:
        checked_key(text)

    assert caught.value.help
    assert "0123" not in caught.value.message + caught.value.help
