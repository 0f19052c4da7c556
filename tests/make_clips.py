"""Paint the clips that the sandbox hands out, into `kling_batch/media/clips/`.

A tool for developers, run by hand when the picture is to change: `python tests/make_clips.py`. It needs the extra
`media` (PyAV and Pillow). 18 clips come out, one for each mode, ratio, length and (in `pro`) sound that the service
offers: H.264 in MP4 with the index in front, 8 frames a second, a still picture with a bar that shows the time, and
an AAC tone where there is sound. All of them together stay below 1 MB.
"""

import array
import math
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

CLIPS = Path(__file__).parent.parent / "kling_batch" / "media" / "clips"
SIZES = {
    "std": {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (720, 720)},
    "pro": {"16:9": (1920, 1080), "9:16": (1080, 1920), "1:1": (1080, 1080)},
}
HUES = {"std": ((28, 34, 64), (64, 120, 150)), "pro": ((46, 24, 48), (190, 104, 70))}
FRAMES_PER_SECOND = 8
SAMPLES_PER_SECOND = 22050


def still(mode: str, ratio: str, seconds: int, *, audio: bool) -> Image.Image:
    """Draw the picture that stands through the whole clip."""
    size = SIZES[mode][ratio]
    top, bottom = (Image.new("RGB", size, hue) for hue in HUES[mode])
    picture = Image.composite(bottom, top, Image.linear_gradient("L").resize(size))
    text = f"kling-batch sandbox\n{mode} {ratio} {seconds} s{' with sound' if audio else ''}"
    font = ImageFont.load_default(size=min(size) // 14)
    centre = (size[0] // 2, size[1] // 2)
    ImageDraw.Draw(picture).multiline_text(centre, text, fill="white", font=font, anchor="mm", align="center")
    return picture


def frame(picture: Image.Image, share: float) -> av.VideoFrame:
    """Return the picture with its bar filled to a share between 0 and 1."""
    painted = picture.copy()
    width, height = painted.size
    bar = (0, height - height // 40, round(width * share), height)
    ImageDraw.Draw(painted).rectangle(bar, fill="white")
    return av.VideoFrame.from_image(painted)


def tone(start: int, count: int) -> av.AudioFrame:
    """Return so many samples of a quiet 220 Hz tone, beginning at a sample."""
    wave = array.array(
        "h", (round(3000 * math.sin(math.tau * 220 * n / SAMPLES_PER_SECOND)) for n in range(start, start + count))
    )
    sound = av.AudioFrame(format="s16", layout="mono", samples=count)
    sound.planes[0].update(wave.tobytes().ljust(sound.planes[0].buffer_size, b"\0"))
    sound.sample_rate = SAMPLES_PER_SECOND
    sound.pts = start
    sound.time_base = Fraction(1, SAMPLES_PER_SECOND)
    return sound


def paint(mode: str, ratio: str, seconds: int, *, audio: bool) -> Path:
    """Write one clip and return where it lies."""
    target = CLIPS / f"{mode}-{ratio.replace(':', 'x')}-{seconds}{'-audio' if audio else ''}.mp4"
    picture = still(mode, ratio, seconds, audio=audio)
    with av.open(str(target), "w", options={"movflags": "faststart"}) as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "veryslow", "crf": "34"})
        video.width, video.height, video.pix_fmt = *picture.size, "yuv420p"
        sound = container.add_stream("aac", rate=SAMPLES_PER_SECOND, layout="mono", bit_rate=24000) if audio else None
        total = seconds * FRAMES_PER_SECOND
        for number in range(total):
            container.mux(video.encode(frame(picture, (number + 1) / total)))
        container.mux(video.encode())
        if sound is not None:
            for start in range(0, seconds * SAMPLES_PER_SECOND, 1024):
                container.mux(sound.encode(tone(start, min(1024, seconds * SAMPLES_PER_SECOND - start))))
            container.mux(sound.encode())
    return target


if __name__ == "__main__":
    CLIPS.mkdir(exist_ok=True)
    for mode, ratios in SIZES.items():
        for ratio in ratios:
            for seconds in (5, 10):
                for audio in (False, True) if mode == "pro" else (False,):
                    path = paint(mode, ratio, seconds, audio=audio)
                    print(path.name, path.stat().st_size)
