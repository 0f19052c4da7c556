"""A clip painted for one task of the sandbox: its prompt over a landscape, a sun that moves, and a bar for the time.

What costs is the picture, so that is drawn once; each frame only lays the sun and the bar into a copy of its luma. All
of it follows from the scene: the same scene gives the same bytes, on one machine with one version of the extra `media`.
"""

import array
import hashlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from kling_batch.text.plain import plain

if TYPE_CHECKING:
    import av
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

SIZES = {
    "std": {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (720, 720)},
    "pro": {"16:9": (1920, 1080), "9:16": (1080, 1920), "1:1": (1080, 1080)},
}
FRAMES_PER_SECOND = 8
SAMPLES_PER_SECOND = 22050
_INDEX = "16384"  # bytes kept free in front of the picture for what tells where it lies
LINES, LETTERS = 5, 400  # of a prompt that are shown at most
_SUN, _BAR = 235, 235  # luma, 16 to 235 (BT.601)
_PALETTES = (  # sky above, sky at the horizon, hills far and near
    ("#16213e", "#e98a5b", "#5b3a5e", "#1f1b33"),
    ("#0b3954", "#f2c18d", "#4a6a78", "#122c3a"),
    ("#3a1c4a", "#ef8f8f", "#7a4468", "#291432"),
    ("#12403c", "#e9d8a6", "#4b7f6d", "#0d2a28"),
    ("#1d2b53", "#9fc5e8", "#4d6a9a", "#141d38"),
    ("#4a2511", "#f4b860", "#96563a", "#2e150b"),
    ("#26323f", "#c9d6df", "#66788a", "#18212b"),
    ("#2d1e58", "#d7a9e3", "#6a4f9c", "#1b1238"),
)
_FONTS = (  # for what the font that Pillow ships cannot show; the first that the system has
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "PingFang.ttc",
    "msyh.ttc",
    "DejaVuSans.ttf",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a clip says of itself: the request (`seconds` of play), and the `mark` that tells it from all others."""

    prompt: str
    mark: str
    note: str
    mode: str
    ratio: str
    seconds: int
    audio: bool


def paint(scene: Scene) -> bytes:
    """Return the clip as an MP4 (H.264, AAC where there is sound) with its index in front; needs the extra `media`.

    Raises `KeyError` for a mode or ratio that the service does not make.
    """
    import av  # noqa: PLC0415 - only who has the extra comes here

    sky, picture = _landscape(scene)
    out = io.BytesIO()
    with av.open(out, "w", format="mp4", options={"moov_size": _INDEX}) as file:
        options = {"preset": "ultrafast", "crf": "27", "threads": "1"}  # how many would change the bytes
        video = file.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
        video.width, video.height, video.pix_fmt = *picture.size, "yuv420p"
        sound = file.add_stream("aac", rate=SAMPLES_PER_SECOND, layout="mono", bit_rate=24000) if scene.audio else None
        still = av.VideoFrame.from_image(picture).reformat(format="yuv420p")  # type: ignore[no-untyped-call]  # PyAV types its keywords as unknown
        total = scene.seconds * FRAMES_PER_SECOND
        for number in range(total):
            file.mux(video.encode(_frame(still, sky, number, total)))
        file.mux(video.encode())
        if sound is not None:
            for start in range(0, scene.seconds * SAMPLES_PER_SECOND, 1024):
                file.mux(sound.encode(_tone(start, min(1024, scene.seconds * SAMPLES_PER_SECOND - start))))
            file.mux(sound.encode())
    return out.getvalue()


def _frame(still: "av.VideoFrame", sky: "Image", number: int, total: int) -> "av.VideoFrame":
    """Return a copy of the still with the sun on its way and the bar as long as what has been played."""
    import av  # noqa: PLC0415 - as in `paint`
    from PIL import Image, ImageChops, ImageDraw  # noqa: PLC0415 - as in `paint`

    width, height = still.width, still.height
    frame = av.VideoFrame(width, height, "yuv420p")
    luma = Image.frombytes("L", (still.planes[0].line_size, height), bytes(still.planes[0]))
    disc, share = _disc(min(width, height) // 9), number / max(1, total - 1)
    left = round((0.12 + 0.64 * share) * width)
    top = round((0.42 - 0.26 * math.sin(math.pi * (0.15 + 0.7 * share))) * height) - disc.height // 2
    box = (left, top, left + disc.width, top + disc.height)
    luma.paste(_SUN, box, ImageChops.multiply(disc, sky.crop(box)))
    bar = (0, height - max(4, height // 120), round((number + 1) / total * width), height)
    ImageDraw.Draw(luma).rectangle(bar, fill=_BAR)
    for plane, content in zip(
        frame.planes, (luma.tobytes(), bytes(still.planes[1]), bytes(still.planes[2])), strict=True
    ):
        plane.update(content)
    frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
    return frame


@cache
def _disc(radius: int) -> "Image":
    """Return a round mask with a soft rim."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - as in `paint`

    large = Image.new("L", (8 * radius, 8 * radius))
    ImageDraw.Draw(large).ellipse((8, 8, 8 * radius - 8, 8 * radius - 8), fill=255)
    return large.resize((2 * radius, 2 * radius), Image.Resampling.BOX)


def _landscape(scene: Scene) -> tuple["Image", "Image"]:
    """Return where the sky is, as a mask, and the picture with all that is written on it."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - as in `paint`

    size = width, height = SIZES[scene.mode][scene.ratio]
    above, horizon, far, near = _PALETTES[_dice(scene.prompt)[0] % len(_PALETTES)]
    fade = Image.linear_gradient("L").resize((width, round(height * 0.7)))
    picture, sky = Image.new("RGB", size, horizon), Image.new("L", size, 255)
    picture.paste(Image.composite(Image.new("RGB", fade.size, horizon), Image.new("RGB", fade.size, above), fade))
    dice = _dice(scene.mark)
    for colour, line, swing, at in ((far, 0.52, 0.09, 1), (near, 0.63, 0.06, 4)):
        ridge = _ridge(size, line, swing, dice[at : at + 3])
        ImageDraw.Draw(picture).polygon(ridge, fill=colour)
        ImageDraw.Draw(sky).polygon(ridge, fill=0)
    _write(picture, scene)
    return sky, picture


def _dice(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _ridge(size: tuple[int, int], line: float, swing: float, dice: bytes) -> list[tuple[float, float]]:
    """Return the outline of a row of hills, two waves that the dice shift, closed along the foot of the picture."""
    width, height = size
    slow, fast = 1 + dice[0] / 200, 2.5 + dice[1] / 90
    shift = dice[2] / 40
    return [
        (0, height),
        *(
            (
                x,
                height
                * (line - swing * math.sin(shift + slow * 5 * x / width) - swing / 3 * math.sin(fast * 7 * x / width)),
            )
            for x in range(0, width + 8, 8)
        ),
        (width, height),
    ]


def _write(picture: "Image", scene: Scene) -> None:
    """Write the prompt and what the clip is over the foot of a picture, and over its head that it is pretended."""
    from PIL import ImageDraw  # noqa: PLC0415 - as in `paint`

    width, height = picture.size
    unit = min(width, height) // 20
    large, small = font(unit + unit // 4, scene.prompt), font(round(unit * 0.62), scene.note)
    draw = ImageDraw.Draw(picture)
    lines = wrapped(scene.prompt, width - 3 * unit, large.getlength)
    foot = height - 2.6 * unit
    for number, line in enumerate(reversed(lines)):
        draw.text((1.5 * unit, foot - number * 1.6 * unit), line, fill="white", font=large, anchor="ls")
    kind = f"{scene.mode}  {scene.ratio}  {scene.seconds} s{'  with sound' if scene.audio else ''}"
    draw.text((1.5 * unit, height - 1.2 * unit), kind, fill="#d8d8e0", font=small, anchor="ls")
    draw.text((width - 1.5 * unit, height - 1.2 * unit), plain(scene.note), fill="#d8d8e0", font=small, anchor="rs")
    draw.text((1.5 * unit, 1.8 * unit), "SANDBOX", fill="white", font=small, anchor="ls")


def wrapped(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Return a text in at most `LINES` lines, none wider than that by `measure`; what does not fit is "..."."""
    words = plain(" ".join(text[:LETTERS].split())).split(" ")
    lines, line = [], ""
    for word in words:
        joined = f"{line} {word}".strip()
        while measure(joined) > width and len(joined) > 1:
            cut = len(line) if line else _fitting(joined, width, measure)
            lines.append(joined[:cut])
            joined, line = joined[cut:].strip(), ""
        line = joined
    lines.append(line)
    if len(lines) > LINES or len(text) > LETTERS:
        last = lines[:LINES][-1]
        while last and measure(f"{last}...") > width:
            last = last[:-1]
        lines = [*lines[:LINES][:-1], f"{last}..."]
    return lines


def _fitting(word: str, width: float, measure: Callable[[str], float]) -> int:
    """Return how many characters of a word fit into a line, one at least."""
    return next((count - 1 for count in range(2, len(word) + 1) if measure(word[:count]) > width), len(word))


def font(size: int, text: str) -> "FreeTypeFont | ImageFont":
    """Return a font for a text: that of Pillow, which knows Latin letters, or one of the system's for all others."""
    return _system_font(size) if any(ord(each) > 0x24F for each in text) else _shipped_font(size)  # noqa: PLR2004 - the end of the Latin letters that it has


@cache
def _shipped_font(size: int) -> "FreeTypeFont | ImageFont":
    from PIL import ImageFont  # noqa: PLC0415 - as in `paint`

    return ImageFont.load_default(size=size)


@cache
def _system_font(size: int) -> "FreeTypeFont | ImageFont":
    from PIL import ImageFont  # noqa: PLC0415 - as in `paint`

    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return _shipped_font(size)


@cache
def _wave() -> array.array:  # type: ignore[type-arg]  # of "h"
    """Return a second of a quiet tone; 220 whole waves, so that it may be repeated."""
    return array.array(
        "h", (round(3000 * math.sin(math.tau * 220 * at / SAMPLES_PER_SECOND)) for at in range(SAMPLES_PER_SECOND))
    )


def _tone(start: int, count: int) -> "av.AudioFrame":
    import av  # noqa: PLC0415 - as in `paint`

    begin = start % SAMPLES_PER_SECOND
    wave = (_wave() * 2)[begin : begin + count]
    sound = av.AudioFrame(format="s16", layout="mono", samples=count)
    sound.planes[0].update(wave.tobytes().ljust(sound.planes[0].buffer_size, b"\0"))
    sound.sample_rate, sound.pts, sound.time_base = SAMPLES_PER_SECOND, start, Fraction(1, SAMPLES_PER_SECOND)
    return sound
