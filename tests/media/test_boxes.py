import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_batch.media.boxes import Damage, Video, inspect, is_video_start
from kling_batch.media.clips import clip, free_box, unique

REAL = clip("pro", "1:1", 5, audio=True)


def looked_at(content: bytes) -> Video | Damage:
    return inspect(io.BytesIO(content), len(content))


def box(kind: bytes, content: bytes = b"") -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content


def wide_box(kind: bytes, content: bytes = b"") -> bytes:
    return (1).to_bytes(4) + kind + (16 + len(content)).to_bytes(8) + content


def track(handler: bytes, width: int = 0, height: int = 0) -> bytes:
    header = bytes(76) + (width << 16).to_bytes(4) + (height << 16).to_bytes(4)
    return box(b"trak", box(b"tkhd", header) + box(b"mdia", box(b"hdlr", bytes(8) + handler + bytes(12))))


def movie(index: bytes, *, media: bytes = b"picture") -> bytes:
    return box(b"ftyp", b"isom") + box(b"moov", index) + box(b"mdat", media)


def movie_header(scale: int, units: int) -> bytes:
    return box(b"mvhd", bytes(12) + scale.to_bytes(4) + units.to_bytes(4) + bytes(80))


def test_a_real_clip_tells_its_length_its_size_and_its_sound() -> None:
    seen = looked_at(REAL)

    assert seen == Video(seconds=5.0, width=1080, height=1080, audio=True)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(REAL) - 1))
def test_every_truncation_of_a_real_clip_is_damage(length: int) -> None:
    seen = looked_at(REAL[:length])

    assert isinstance(seen, Damage)


def test_every_truncation_of_the_first_kilobytes_is_damage() -> None:
    seen = [looked_at(REAL[:length]) for length in range(4096)]

    assert all(isinstance(each, Damage) for each in seen)


def test_bytes_that_were_left_behind_a_clip_are_damage() -> None:
    seen = looked_at(REAL + b"\0\0\0")

    assert isinstance(seen, Damage)
    assert seen.at == len(REAL)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_make_the_walk_raise(content: bytes) -> None:
    for each in (content, REAL[:32] + content, movie(content)):
        assert isinstance(looked_at(each), Video | Damage)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=8))
def test_no_change_in_the_index_makes_the_walk_raise(at: int, patch: bytes) -> None:
    content = REAL[:at] + patch + REAL[at + len(patch) :]

    assert isinstance(looked_at(content), Video | Damage)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it does not begin with `ftyp`"),
        (b"<!doctype html><html>no such file</html>", "it does not begin with `ftyp`"),
        (box(b"moov") + box(b"ftyp"), "it does not begin with `ftyp`"),
        (box(b"ftyp", b"isom") + box(b"mdat"), "it has no `moov` box"),
        (box(b"ftyp", b"isom") + box(b"moov"), "it has no `mdat` box"),
        (movie(movie_header(1000, 5000) + track(b"soun")), "it has no video track"),
        (movie(b"") + (7).to_bytes(4) + b"free", "a box is smaller than its own head"),
        (movie(b"") + (1).to_bytes(4) + b"free" + (15).to_bytes(8), "a box is smaller than its own head"),
        (movie(b"") + (1).to_bytes(4) + b"free" + bytes(7), "it ends in the head of a box"),
        (movie(b"") + (1).to_bytes(4) + b"free" + (2**64 - 1).to_bytes(8), "a box reaches past the end"),
        (movie(b"") + (2**32 - 1).to_bytes(4) + b"free", "a box reaches past the end"),
        (movie(box(b"trak", (64).to_bytes(4) + b"mdia")), "a box reaches past the end"),
        (movie(b"") + box(b"free") * 20_000, "it has too many boxes"),
        (movie(box(b"trak") * 20_000), "it has too many boxes"),
    ],
)
def test_damage_says_what_is_wrong(content: bytes, why: str) -> None:
    seen = looked_at(content)

    assert isinstance(seen, Damage)
    assert seen.why == why


def test_containers_within_containers_end_somewhere() -> None:
    content = b""
    for _ in range(5_000):
        content = box(b"moov", content)

    seen = looked_at(box(b"ftyp", b"isom") + content)

    assert isinstance(seen, Damage)


def test_a_last_box_without_size_reaches_to_the_end() -> None:
    content = movie(movie_header(600, 3000) + track(b"vide", 1280, 720)) + bytes(4) + b"free" + b"anything"

    seen = looked_at(content)

    assert seen == Video(seconds=5.0, width=1280, height=720, audio=False)


def test_sizes_in_64_bits_are_read() -> None:
    header = b"\x01" + bytes(19) + (90_000).to_bytes(4) + (900_000).to_bytes(8) + bytes(80)
    wide_track = b"\x01" + bytes(87) + (1920 << 16).to_bytes(4) + (1080 << 16).to_bytes(4)
    handler = box(b"mdia", box(b"hdlr", bytes(8) + b"vide" + bytes(12)))
    index = box(b"mvhd", header) + box(b"trak", box(b"tkhd", wide_track) + handler)

    seen = looked_at(box(b"ftyp", b"isom") + wide_box(b"moov", index) + wide_box(b"mdat", bytes(5)))

    assert seen == Video(seconds=10.0, width=1920, height=1080, audio=False)


@pytest.mark.parametrize("header", [movie_header(1000, 0), movie_header(0, 5), movie_header(1000, 2**32 - 1), b""])
def test_a_length_that_is_not_told_is_unknown(header: bytes) -> None:
    seen = looked_at(movie(header + track(b"vide", 720, 1280)))

    assert seen == Video(seconds=None, width=720, height=1280, audio=False)


@pytest.mark.parametrize(
    ("first", "video"),
    [
        (REAL[:8], True),
        (b"<html><b", False),
        (b'{"error"', False),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"\0\0\0\x04ftyp", False),
        (b"\0\0\0\x20fty", False),
    ],
)
def test_the_first_bytes_tell_a_video_from_other_things(first: bytes, *, video: bool) -> None:
    assert is_video_start(first) is video


def test_a_mark_changes_the_file_and_not_the_video(tmp_path: Path) -> None:
    first, second = unique(REAL, "tsk_vid_1"), unique(REAL, "tsk_vid_2")

    assert first != second
    assert first.endswith(free_box(b"tsk_vid_1"))
    assert looked_at(first) == looked_at(second) == looked_at(REAL)

    (tmp_path / "clip.mp4").write_bytes(first)
    with (tmp_path / "clip.mp4").open("rb") as file:
        assert inspect(file, len(first)) == looked_at(REAL)
