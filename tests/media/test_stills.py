"""Videos decoded and looked at: clips painted for the purpose, whole, black, frozen and damaged."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kling_batch.media import stills
from kling_batch.media.clips import clip

av = pytest.importorskip("av", reason="the extra `media` is needed to decode")
Image = pytest.importorskip("PIL.Image", reason="the extra `media` is needed to paint")

NOISE = Image.effect_noise((320, 180), 90).convert("RGB")
Painter = Callable[[int], "Image.Image"]


def film(path: Path, painter: Painter, *, count: int = 24) -> Path:
    """Encode so many pictures, twelve a second, with one key frame."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=12, options={"crf": "30"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(count):
            file.mux(stream.encode(av.VideoFrame.from_image(painter(number))))
        file.mux(stream.encode())
    return path


def plain(level: int) -> "Image.Image":
    return Image.new("RGB", (320, 180), (level, level, level))


def noisy(number: int) -> "Image.Image":
    """A textured still with a white speck of 8 by 8 pixels that moves over it."""
    picture = NOISE.copy()
    picture.paste((255, 255, 255), (10 * number, 80, 10 * number + 8, 88))
    return picture


def size_of(jpeg: bytes) -> tuple[int, int]:
    picture = Image.open(io.BytesIO(jpeg))
    assert picture.format == "JPEG"
    return (picture.width, picture.height)


def brightness(jpeg: bytes) -> float:
    luma = Image.open(io.BytesIO(jpeg)).convert("L").tobytes()
    return sum(luma) / len(luma)


def test_a_probe_tells_what_a_video_is(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip("pro", "9:16", 10, audio=True))

    seen = stills.probe(path)

    assert seen == stills.Probe(seconds=10.0, width=1080, height=1920, frames_per_second=8.0, has_audio=True)
    assert seen.warnings == ()


@pytest.mark.parametrize(
    ("painter", "warnings"),
    [
        (lambda _: plain(0), ("is black from end to end",)),
        (lambda number: plain(6 + number % 2), ("is black from end to end",)),
        (lambda _: NOISE, ("stands still from end to end",)),
        (lambda _: plain(90), ("stands still from end to end",)),
        (lambda number: plain(0 if number < 12 else 90), ()),
        (lambda number: plain(8 * number), ()),
        (noisy, ()),
    ],
    ids=[
        "black",
        "black with flicker",
        "a still",
        "a plain still",
        "black at first",
        "it grows light",
        "a speck moves",
    ],
)
def test_black_and_frozen_videos_are_told_from_others(
    tmp_path: Path, painter: Painter, warnings: Sequence[str]
) -> None:
    assert stills.probe(film(tmp_path / "clip.mp4", painter)).warnings == warnings


@pytest.mark.parametrize(
    ("lumas", "black", "frozen"),
    [
        ([], False, False),
        ([b"\x0f\x0f"], True, False),
        ([b"\x10\x10"], False, False),
        ([b"\x64\x64", b"\x69\x5f"], False, True),
        ([b"\x64\x64", b"\x64\x6a"], False, False),
        ([b"\x00\x00", b"\x00\xff"], False, False),
    ],
)
def test_the_thresholds_are_where_they_are_said_to_be(lumas: list[bytes], *, black: bool, frozen: bool) -> None:
    assert (stills.is_black(lumas), stills.is_frozen(lumas)) == (black, frozen)


@pytest.mark.parametrize("spoilt", [0.3, 0.6, 0.9])
def test_damage_between_sound_boxes_is_found(tmp_path: Path, spoilt: float) -> None:
    path = film(tmp_path / "clip.mp4", noisy)
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat") + 8
    at = begin + int((content.index(b"moov") - begin) * spoilt)
    content[at : at + 64] = bytes(byte ^ 0x5A for byte in content[at : at + 64])
    path.write_bytes(content)

    assert "of 24" in stills.probe(path).damage


@pytest.mark.parametrize("content", [b"", b"no video", clip("std", "1:1", 5)[:3000]], ids=["empty", "text", "cut"])
def test_what_no_decoder_can_open_is_damage(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)

    assert stills.probe(path).damage
    with pytest.raises(OSError, match=r"no picture can be had of `clip\.mp4`"):
        stills.poster(path)


@pytest.mark.parametrize(("ratio", "size"), [("16:9", (480, 270)), ("9:16", (480, 853)), ("1:1", (480, 480))])
def test_a_poster_is_a_small_jpeg_of_the_same_shape(tmp_path: Path, ratio: str, size: tuple[int, int]) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip("std", ratio, 5))

    jpeg = stills.poster(path)

    assert size_of(jpeg) == size
    assert len(jpeg) < 60_000


def test_a_poster_is_no_black_first_picture(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4", lambda number: plain(0) if number < 12 else NOISE)

    assert brightness(stills.poster(path)) > 80


def test_a_black_video_has_a_black_poster(tmp_path: Path) -> None:
    assert brightness(stills.poster(film(tmp_path / "clip.mp4", lambda _: plain(0)))) < 5


def test_a_sheet_has_a_place_for_every_poster(tmp_path: Path) -> None:
    jpeg = stills.poster(film(tmp_path / "clip.mp4", noisy))

    def sheet(count: int) -> tuple[int, int]:
        return size_of(
            stills.sheet([(f"名=\x1b[31m{'long' * 40},ratio=16x9#{number}", jpeg) for number in range(count)])
        )

    assert [sheet(count) for count in (1, 4, 5)] == [(960, 262), (960, 262), (960, 524)]
    assert sheet(stills.SHEET)[1] < 65_500
