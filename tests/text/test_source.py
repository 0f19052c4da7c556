"""Bytes as text, and offsets as lines and columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.text.decode import decode
from kling_batch.text.source import Source


@given(st.text(st.sampled_from("a猫\n\r") | st.characters()))
def test_a_position_leads_back_to_its_character(text: str) -> None:
    source = Source("m", text)

    for offset, character in enumerate(text):
        line, column = source.position(offset)
        assert character in "\r\n" or source.line(line)[column - 1] == character


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_utf8_is_read_with_and_without_its_mark(text: str) -> None:
    text = "a猫" + text

    assert decode("m", text.encode()) == (Source("m", text), ())
    assert decode("m", text.encode("utf-8-sig")) == (Source("m", text), ())


@pytest.mark.parametrize(
    ("data", "place", "said"),
    [
        (b"a: \xff", "m:1:4", "byte 3 (`0xff`) is not UTF-8"),
        (b"\xef\xbb\xbfa\nb\xe9", "m:2:2", "byte 6 (`0xe9`) is not UTF-8"),
        ("猫猫".encode() + b"\xc3", "m:1:3", "byte 6 (`0xc3`) is not UTF-8"),
        (b"\xed\xa0\x80", "m:1:1", "byte 0 (`0xed`) is half of a surrogate pair"),
        ("a".encode("utf-16"), "m:1:1", "the file is UTF-16, from byte 0 on"),
        ("a: 1".encode("utf-16-be"), "m:1:1", "the file is UTF-16, from byte 0 on"),
        ("a".encode("utf-32"), "m:1:1", "the file is UTF-32, from byte 0 on"),
    ],
)
def test_what_is_not_utf8_is_told_with_its_byte(data: bytes, place: str, said: str) -> None:
    source, told = decode("m", data)

    assert source is None
    assert [(each.code, each.place, each.message) for each in told] == [("bad-encoding", place, said)]


def test_a_file_is_as_large_as_it_may_be_and_no_larger() -> None:
    assert decode("m", b"abc", limit=3)[0] == Source("m", "abc")
    assert decode("m", b"abcd", limit=3)[1][0].code == "too-large"
