"""A video decoded and looked at, with the extra `media` (PyAV, Pillow): stills, sheets of them, and what is wrong.

Nothing here is imported by a run: a look costs a tenth of a second of CPU, and must not stand between jobs and money.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream
    from PIL.Image import Image

MISSING = "posters and the check of pictures need the extra `media`"
INSTALL = "pip install 'kling-batch[media]'"
POSTER_WIDTH = 480  # px
SHEET_COLUMNS = 4
BLACK = 16.0  # mean luma of 0 to 255 below which a picture counts as black
STILL = 0.5  # mean difference of luma between samples below which nothing moves
SAMPLES = 12  # pictures of a video that are looked at
_LOOKS = (0.3, 0.6, 0.1)  # where in a video its poster is sought, as shares of its length
_QUALITY = 82
_SMALL = (64, 64)  # px of a picture whose luma is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a decoder finds in a video: seconds, px, frames a second, sound; `damage` is empty if it could read all."""

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
        """What a person should look at, in words."""
        told = (("its pictures cannot be decoded: " + self.damage, self.damage),)
        seen = (("it is black from end to end", self.is_black), ("nothing moves in it", self.is_frozen))
        return tuple(text for text, is_so in (*told, *seen) if is_so)


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
    """Return a JPEG with many posters in rows, each over its name; `posters` are names and JPEGs."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - only who has the extra comes here

    side, foot = POSTER_WIDTH // 2, 22
    rows = -(-len(posters) // SHEET_COLUMNS)
    whole = Image.new("RGB", (SHEET_COLUMNS * side, max(1, rows) * (side + foot)), "white")
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(size=12)
    for at, (name, content) in enumerate(posters):
        left, top = at % SHEET_COLUMNS * side, at // SHEET_COLUMNS * (side + foot)
        picture = Image.open(io.BytesIO(content))
        picture.thumbnail((side - 8, side - 8))
        whole.paste(picture, (left + (side - picture.width) // 2, top + (side - picture.height) // 2))
        text = name if name.isascii() else name.encode("ascii", "replace").decode()
        draw.text((left + side // 2, top + side + 3), text[-34:], fill="black", font=font, anchor="ma")
    return _jpeg(whole)


def probe(video: Path) -> Probe:
    """Return what a decoder finds, every picture decoded; a video that cannot be read at all is only `damage`."""
    import av  # noqa: PLC0415 - only who has the extra comes here

    try:
        with av.open(str(video)) as file:
            return _probed(file)
    except (av.FFmpegError, ValueError, IndexError) as error:
        return Probe(seconds=0, width=0, height=0, frames_per_second=0, has_audio=False, damage=str(error))


def _probed(file: "av.container.InputContainer") -> Probe:
    stream = file.streams.video[0]
    stream.thread_type = "AUTO"
    every = max(1, stream.frames // SAMPLES)
    lumas, damage, count = [], "", 0
    try:
        for frame in file.decode(stream):
            if count % every == 0:
                lumas.append(_luma(_image(frame)))
            count += 1
    except Exception as error:  # noqa: BLE001 - whatever a decoder stumbles over is damage
        damage = str(error)
    if not damage and count < stream.frames:
        damage = f"{count} of {stream.frames} pictures"
    rate = float(stream.average_rate or 0)
    return Probe(
        seconds=float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0,
        width=stream.width,
        height=stream.height,
        frames_per_second=rate,
        has_audio=bool(file.streams.audio),
        is_black=is_black(lumas),
        is_frozen=is_frozen(lumas),
        damage=damage,
    )


def is_black(lumas: Sequence[bytes]) -> bool:
    """Say whether no picture is brighter than black; each is the luma of some of its points, 0 to 255."""
    return bool(lumas) and all(sum(each) / len(each) < BLACK for each in lumas)


def is_frozen(lumas: Sequence[bytes]) -> bool:
    """Say whether no point of a picture ever changes by more than a codec's noise."""
    if len(lumas) < 2:  # noqa: PLR2004 - one picture cannot move
        return False
    first = lumas[0]
    return all(sum(abs(a - b) for a, b in zip(first, each, strict=True)) / len(first) < STILL for each in lumas[1:])


def _luma(picture: "Image") -> bytes:
    return picture.convert("L").resize(_SMALL).tobytes()


def _telling(video: Path) -> "Image":
    """Return the first of a few pictures that shows something, else the last of them."""
    import av  # noqa: PLC0415 - only who has the extra comes here

    picture = None
    try:
        with av.open(str(video)) as file:
            for picture in _pictures(file, file.streams.video[0]):
                if max(_luma(picture)) - min(_luma(picture)) > BLACK:
                    break
    except (av.FFmpegError, IndexError) as error:
        if picture is None:
            raise OSError(f"no picture can be had of `{video.name}`: {error}") from error
    if picture is None:
        raise OSError(f"no picture can be had of `{video.name}`")
    return picture


def _pictures(file: "av.container.InputContainer", stream: "VideoStream") -> Iterator["Image"]:
    for share in _LOOKS:
        file.seek(int((stream.duration or 0) * share), stream=stream)
        frame = next(file.decode(stream), None)
        if frame is not None:
            yield _image(frame)


def _image(frame: "av.VideoFrame") -> "Image":
    return frame.to_image()  # type: ignore[no-untyped-call, no-any-return]  # PyAV types its keywords as unknown


def _jpeg(picture: "Image") -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
