"""Images: what their first bytes say, and which addresses the service can reach."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.manifest.images import Picture, look
from kling_batch.manifest.urls import address_fault, is_address


def png(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"


def jpeg(width: int, height: int) -> bytes:
    exif = b"\xff\xe1" + struct.pack(">H", 10) + b"Exif\0\0xx"
    padding = b"\xff"
    frame = b"\xff\xc2" + struct.pack(">HBHH", 11, 8, height, width) + b"\x01\x11\0"
    return b"\xff\xd8" + exif + padding + frame


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + struct.pack("<I", len(body)) + body


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


def extended(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", b"\0\0\0\0" + sides)


@pytest.mark.parametrize("make", [png, gif, jpeg, lossy, lossless, extended])
@given(width=st.integers(300, 700), height=st.integers(300, 700))
def test_the_sides_of_an_image_are_read_from_its_header(make: object, width: int, height: int) -> None:
    picture = look(make(width, height))  # type: ignore[operator]  # one of the makers above

    assert isinstance(picture, Picture)
    assert picture.sides == (width, height)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "image-type"),
        (b"<svg/>", "image-type"),
        (b"%PDF-1.4", "image-type"),
        (png(300, 299), "image-size"),
        (png(751, 300), "image-size"),
        (png(300, 751), "image-size"),
        (png(50_000, 50_000), "image-size"),
        (png(2**31, 2**31), "image-size"),
        (png(0, 0), "image-size"),
        (png(400, 400) + b"\0" * 10_000_000, "image-size"),
        (png(400, 400)[:20], "image-type"),
        (b"GIF89a\x01", "image-type"),
        (lossy(400, 400)[:27], "image-type"),
        (jpeg(200, 400), "image-size"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_first_bytes(content: bytes, code: str) -> None:
    outcome = look(content)

    assert not isinstance(outcome, Picture)
    assert outcome[0] == code


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe0\0\x04xx\0\0\0\0", webp(b"ALPH", b"")])
def test_an_image_whose_header_hides_its_sides_is_sent_as_it_is(content: bytes) -> None:
    picture = look(content)

    assert isinstance(picture, Picture)
    assert picture.sides is None


@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"\xff\xd8\xff", b"RIFF0000WEBPVP8X"]),
)
def test_no_bytes_make_a_look_raise(tail: bytes, head: bytes) -> None:
    assert isinstance(look(head + tail), Picture | tuple)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.jpg",
        "javascript:alert(1)",
        "gopher://example.com",
        "data:image/png;base64,AAAA",
        "file:///etc/passwd",
        "https://",
        "https:///a.jpg",
        "https://exa mple.com/a.jpg",
        "https://example.com/a\n.jpg",
        "https://example.com:port/a.jpg",
        "https://[::1/a.jpg",
        "https://ann@example.com/a.jpg",
        "https://:secret@example.com/a.jpg",
        "http://localhost/a.jpg",
        "http://LOCALHOST./a.jpg",
        "http://printer/a.jpg",
        "http://nas.local/a.jpg",
        "http://127.0.0.1/a.jpg",
        "http://0x7f.1/a.jpg",
        "http://2130706433/a.jpg",
        "http://10.0.0.1/a.jpg",
        "http://192.168.1.1/a.jpg",
        "http://169.254.169.254/latest",
        "http://100.64.0.1/a.jpg",
        "http://224.0.0.1/a.jpg",
        "http://[::1]/a.jpg",
        "http://[::ffff:127.0.0.1]/a.jpg",
        "http://[fe80::1]/a.jpg",
    ],
)
def test_an_address_that_the_service_cannot_or_must_not_fetch_is_refused(url: str) -> None:
    assert is_address(url)
    assert address_fault(url) is not None


@pytest.mark.parametrize(
    "url", ["https://example.com/a.jpg?x=1#y", "HTTP://8.8.8.8/a.jpg", "https://bücher.example/ü.jpg"]
)
def test_a_public_address_passes(url: str) -> None:
    assert is_address(url)
    assert address_fault(url) is None


@pytest.mark.parametrize("path", ["assets/kettle.png", "kettle.png", "C:kettle.png", "a b:c/d.png"])
def test_a_path_is_no_address(path: str) -> None:
    assert not is_address(path)
