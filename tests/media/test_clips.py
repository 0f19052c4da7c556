import io
from importlib.resources import files
from itertools import product

import pytest

from kling_batch.media.boxes import Video, inspect
from kling_batch.media.clips import RATIOS, clip, padding, unique

SHORT = {"std": 720, "pro": 1080}
LONG = {"std": 1280, "pro": 1920}
KINDS = [
    (mode, ratio, seconds, audio)
    for mode, ratio, seconds, audio in product(("std", "pro"), RATIOS, (5, 10), (False, True))
    if mode == "pro" or not audio
]


@pytest.mark.parametrize(("mode", "ratio", "seconds", "audio"), KINDS)
def test_each_kind_of_clip_is_what_its_name_says(mode: str, ratio: str, seconds: int, *, audio: bool) -> None:
    sizes = {"16:9": (LONG[mode], SHORT[mode]), "9:16": (SHORT[mode], LONG[mode]), "1:1": (SHORT[mode], SHORT[mode])}

    content = clip(mode, ratio, seconds, audio=audio)

    width, height = sizes[ratio]
    seen = inspect(io.BytesIO(content), len(content))
    assert seen == Video(seconds=float(seconds), width=width, height=height, audio=audio)


@pytest.mark.parametrize(("mode", "ratio", "seconds", "audio"), KINDS)
def test_each_kind_of_clip_plays(mode: str, ratio: str, seconds: int, *, audio: bool) -> None:
    av = pytest.importorskip("av", reason="the extra `media` is needed to play clips")
    content = unique(clip(mode, ratio, seconds, audio=audio), "tsk_vid_01M150FEXAMPLE0000000000")

    with av.open(io.BytesIO(content)) as container:
        frames = sum(1 for _ in container.decode(video=0))
        names = [stream.codec_context.name for stream in container.streams]

    assert frames == 8 * seconds
    assert names == (["h264", "aac"] if audio else ["h264"])


def test_all_clips_together_are_small() -> None:
    shipped = [each for each in files("kling_batch.media").joinpath("clips").iterdir() if each.name.endswith(".mp4")]

    assert len(shipped) == len(KINDS) == 18
    assert sum(len(each.read_bytes()) for each in shipped) < 1_000_000


def test_a_kind_that_is_not_made_has_no_clip() -> None:
    with pytest.raises(FileNotFoundError):
        clip("std", "16:9", 5, audio=True)


@pytest.mark.parametrize(("wanted", "given"), [(1_000_000, 1_000_000), (8, 8), (3, 8), (-5, 8)])
def test_padding_is_as_long_as_it_can_be(wanted: int, given: int) -> None:
    assert len(padding(wanted)) == given
