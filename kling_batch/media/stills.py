"""A video decoded and looked at, with the extra `media` (PyAV, Pillow): stills, sheets of them, and what is wrong.

Nothing here is imported by a run: a look costs a tenth of a second of CPU, and must not stand between jobs and money.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from kling_batch.media.painting import font
from kling_batch.text.plain import plain

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream
    from PIL.Image import Image

MISSING = "posters and the check of pictures need the extra `media`"
INSTALL = "pip install 'kling-batch[media]'"
POSTER_WIDTH = 480  # px
SHEET, SHEET_COLUMNS = 200, 4  # posters; a JPEG ends at 65,500 px
BLACK = 16.0  # mean luma of 0 to 255 below which a picture counts as black
NOISE = 5  # of luma; what a codec makes of a still differs by 1 or 2 from picture to picture
SAMPLES = 12  # pictures of a video whose luma is measured
_LOOKS = (0.3, 0.6, 0.1)  # where in a video its poster is sought, as shares of its length
_QUALITY = 82
_SIDE = 64  # points across and down at which the luma of a picture is measured, each the mean of its surroundings
_FAR = 300  # pictures that are decoded at most on the way from a key frame to a poster


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a decoder finds in a video: seconds, px, frames a second, sound; `damage` is empty if it could read all.

    `is_black` means from end to end; `is_frozen` that nothing moves in pictures that show something.
    """

    seconds: float
    width: int
    height: int
    frames_per_second: float
    has_audio: bool
    is_black: bool = False
    is_frozen: bool = False
    damage: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should look at, in words; damage is more than a warning."""
        seen = (("is black from end to end", self.is_black), ("stands still from end to end", self.is_frozen))
        return tuple(text for text, is_so in seen if is_so)


@cache
def is_installed() -> bool:
    """Say whether the extra `media` is here."""
    return all(find_spec(name) for name in ("av", "PIL"))


def poster(video: Path) -> bytes:
    """Return a JPEG of the first telling picture of a video, `POSTER_WIDTH` wide; raises `OSError` if there is none."""
    picture = _telling(video)
    picture.thumbnail((POSTER_WIDTH, 2 * POSTER_WIDTH))
    return _jpeg(picture)


def sheet(posters: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a JPEG with up to `SHEET` posters in rows, each over the end of its name; given are names and JPEGs."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - only who has the extra comes here

    side, foot = POSTER_WIDTH // 2, 22
    rows = -(-len(posters) // SHEET_COLUMNS)
    whole = Image.new("RGB", (SHEET_COLUMNS * side, max(1, rows) * (side + foot)), "white")
    draw = ImageDraw.Draw(whole)
    for at, (name, content) in enumerate(posters):
        left, top = at % SHEET_COLUMNS * side, at // SHEET_COLUMNS * (side + foot)
        picture = Image.open(io.BytesIO(content))
        picture.thumbnail((side - 8, side - 8))
        whole.paste(picture, (left + (side - picture.width) // 2, top + (side - picture.height) // 2))
        letters, text = font(12, name), plain(name)
        while letters.getlength(text) > side - 8:
            text = text[1:]
        draw.text((left + side // 2, top + side + 3), text, fill="black", font=letters, anchor="ma")
    return _jpeg(whole)


def probe(video: Path) -> Probe:
    """Return what a decoder finds, every picture decoded; a video that cannot be read at all is only `damage`.

    Boxes that walk say nothing of the pictures in them; a decoder makes up what it cannot read, and marks it.
    """
    import av  # noqa: PLC0415 - only who has the extra comes here

    try:
        with av.open(str(video)) as file:
            return _probed(file)
    except (av.FFmpegError, ValueError, IndexError) as error:
        return Probe(seconds=0, width=0, height=0, frames_per_second=0, has_audio=False, damage=_words(error))


def _words(error: Exception) -> str:
    """Return what a decoder says, without the number and the path that it puts around it."""
    return (getattr(error, "strerror", None) or str(error)).lower() or type(error).__name__


def _probed(file: "av.container.InputContainer") -> Probe:
    stream = file.streams.video[0]
    stream.codec_context.thread_count = 1  # with more FFmpeg forgets which pictures it had to make up
    every = max(1, stream.frames // SAMPLES)
    lumas, damage, count, corrupt = [], "", 0, 0
    try:
        for frame in file.decode(stream):
            if count % every == 0:
                lumas.append(_luma(frame))
            count, corrupt = count + 1, corrupt + frame.is_corrupt
    except (OSError, ValueError) as error:  # what PyAV raises is one of them
        damage = f"picture {count + 1} of {stream.frames}: {_words(error)}"
    if not damage and (corrupt or count < stream.frames):
        damage = f"{count - corrupt} of {max(count, stream.frames)} pictures are whole"
    rate = float(stream.average_rate or 0)
    return Probe(
        seconds=float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0,
        width=stream.width,
        height=stream.height,
        frames_per_second=rate,
        has_audio=bool(file.streams.audio),
        is_black=is_black(lumas),
        is_frozen=is_frozen(lumas) and not is_black(lumas),
        damage=damage,
    )


def is_black(lumas: Sequence[bytes]) -> bool:
    """Say whether no picture is brighter than black; each is the luma of some of its points, 0 to 255."""
    return bool(lumas) and all(sum(each) / len(each) < BLACK for each in lumas)


def is_frozen(lumas: Sequence[bytes]) -> bool:
    """Say whether no point of several pictures ever differs from the first one by more than a codec's noise."""
    return len(lumas) > 1 and all(
        abs(before - after) <= NOISE for each in lumas[1:] for before, after in zip(lumas[0], each, strict=True)
    )


def _luma(frame: "av.VideoFrame") -> bytes:
    """Return the luma of a grid of points, 0 to 255, each the mean of the area around it."""
    plane = frame.reformat(width=_SIDE, height=_SIDE, format="gray", interpolation="AREA").planes[0]
    content = bytes(plane)
    return b"".join(content[at : at + _SIDE] for at in range(0, _SIDE * plane.line_size, plane.line_size))


def _telling(video: Path) -> "Image":
    """Return the first of a few pictures that shows something, else the last of them."""
    import av  # noqa: PLC0415 - only who has the extra comes here

    frame = None
    try:
        with av.open(str(video)) as file:
            for frame in _pictures(file, file.streams.video[0]):
                luma = _luma(frame)
                if max(luma) - min(luma) > BLACK:
                    break
    except (av.FFmpegError, ValueError, IndexError) as error:
        if frame is None:
            raise OSError(f"no picture can be had of `{video.name}`: {_words(error)}") from error
    if frame is None:
        raise OSError(f"no picture can be had of `{video.name}`")
    return frame.to_image()  # type: ignore[no-untyped-call, no-any-return]  # PyAV types its keywords as unknown


def _pictures(file: "av.container.InputContainer", stream: "VideoStream") -> Iterator["av.VideoFrame"]:
    """Yield the pictures at a few places; a seek only leads to the key frame before it, often the first of all."""
    for share in _LOOKS:
        wanted, frame = int((stream.duration or 0) * share), None
        file.seek(wanted, stream=stream)
        for frame in islice(file.decode(stream), _FAR):
            if (frame.pts or 0) >= wanted:
                break
        if frame is not None:
            yield frame


def _jpeg(picture: "Image") -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
