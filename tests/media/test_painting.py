"""Clips that say what they are: painted, then read back with a decoder and with our own walk of the boxes."""

import io
from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.media.boxes import Video, inspect
from kling_batch.media.painting import FRAMES_PER_SECOND, LINES, SIZES, Scene, paint, wrapped

av = pytest.importorskip("av", reason="the extra `media` is needed to paint")

SCENE = Scene(
    prompt="a paper boat sails down a rain-filled gutter, pale gold light",
    mark="tsk_vid_1",
    note="kb1-abc",
    mode="std",
    ratio="1:1",
    seconds=5,
    audio=False,
)
TALL = 10.0  # what each letter measures


def pictures(content: bytes) -> list[bytes]:
    with av.open(io.BytesIO(content)) as file:
        return [frame.to_image().convert("L").resize((96, 96)).tobytes() for frame in file.decode(video=0)]


@pytest.mark.parametrize(("mode", "ratio"), list(product(SIZES, SIZES["std"])))
def test_a_painted_clip_is_what_was_asked_for(mode: str, ratio: str) -> None:
    width, height = SIZES[mode][ratio]

    content = paint(replace(SCENE, mode=mode, ratio=ratio, audio=mode == "pro"))

    seen = inspect(io.BytesIO(content), len(content))
    assert seen == Video(seconds=5.0, width=width, height=height, audio=mode == "pro")


def test_ten_seconds_with_sound_play_ten_seconds_of_both() -> None:
    content = paint(replace(SCENE, mode="pro", seconds=10, audio=True))

    with av.open(io.BytesIO(content)) as file:
        names = [stream.codec_context.name for stream in file.streams]
        sound = float(file.streams.audio[0].duration * file.streams.audio[0].time_base)
        frames = sum(1 for _ in file.decode(video=0))
    assert names == ["h264", "aac"]
    assert (frames, round(sound)) == (10 * FRAMES_PER_SECOND, 10)


def test_one_task_always_has_the_same_bytes_and_no_two_tasks_do() -> None:
    assert paint(SCENE) == paint(SCENE)
    assert paint(replace(SCENE, mark="tsk_vid_2")) != paint(SCENE)


def test_the_mark_moves_from_picture_to_picture() -> None:
    seen = pictures(paint(SCENE))

    assert len(seen) == 5 * FRAMES_PER_SECOND
    changes = [max(abs(a - b) for a, b in zip(one, other, strict=True)) for one, other in pairwise(seen)]
    assert min(changes) > 30


def test_the_prompt_is_seen() -> None:
    def bright(prompt: str) -> int:
        with av.open(io.BytesIO(paint(replace(SCENE, prompt=prompt)))) as file:
            first = next(file.decode(video=0)).to_image().convert("L")
        return sum(each > 200 for each in first.crop((54, 400, 666, 640)).tobytes())

    assert bright("a paper boat " * 8) > bright(" ") + 5000


@pytest.mark.parametrize(
    "prompt",
    [
        "一只纸船在雨中航行 金色的光",
        "🙂🚤 boat",
        "مركب من ورق",
        "a\x1b[31m\x00\nb\tc",
        "\ud800",
        "",
        "x" * 2500,
        "é" * 300,
    ],
    ids=["chinese", "emoji", "arabic", "controls", "surrogate", "empty", "one long word", "accents"],
)
def test_no_prompt_keeps_a_clip_from_being_painted(prompt: str) -> None:
    content = paint(replace(SCENE, prompt=prompt))

    assert isinstance(inspect(io.BytesIO(content), len(content)), Video)


@given(st.text(max_size=500), st.integers(min_value=20, max_value=900))
def test_a_wrapped_prompt_never_leaves_its_picture(text: str, width: int) -> None:
    lines = wrapped(text, width, lambda line: TALL * len(line))

    assert 1 <= len(lines) <= LINES
    assert all(TALL * len(line) <= max(width, 4 * TALL) for line in lines)


def test_a_prompt_that_fits_loses_nothing() -> None:
    lines = wrapped("a paper boat  sails\nto sea", 120, lambda line: TALL * len(line))

    assert lines == ["a paper boat", "sails to sea"]


def test_a_prompt_that_does_not_fit_says_so() -> None:
    lines = wrapped("boat " * 70, 120, lambda line: TALL * len(line))

    assert len(lines) == LINES
    assert lines[-1].endswith("...")
