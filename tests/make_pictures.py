"""Take the pictures of the README, into `.github/pictures/`.

A tool for developers, run by hand when what is pictured looks different: `python tests/make_pictures.py`. It needs
Chromium and the extra `media`. The gallery is that of a small campaign, made by the sandbox just now, and the live
screen is that of a longer one, half way through; it takes a minute.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

import kling_batch
from kling_batch.events import from_json
from kling_batch.report.console import INKS
from kling_batch.report.progress import Glance, begun
from kling_batch.report.screen import Size, page

sys.path.insert(0, str(Path(__file__).parent / "kit"))
from quay import BROWSERS, FLAGS

PICTURES = Path(__file__).parent.parent / ".github" / "pictures"
SIZE = {"width": 1180, "height": 780}
MANIFEST = """\
version: 1
project: harbour-light
run: {in_flight: 30, submit_per_second: 50, posts: 4, max_failures: 100, poll: {first: 0.1s, every: 1s}}
output: {root: out}
shots:
  quay:
    matrix:
      ratio: [16:9, 9:16]
      product: {kettle: a copper kettle, lamp: a storm lamp, knife: a fish knife}
      light: {dawn: pale gold dawn, night: moonlight}
    takes: 2
    request: {prompt: "{{ product }} on a wet quay, {{ light }}, camera low and close", aspect_ratio: "{{ ratio }}"}
"""
REFUSED = {
    "service": {"paint": True},
    "rules": [
        {
            "on": "submit",
            "when": {"prompt": "knife"},
            "do": {"task": {"code": "content_policy_violation", "message": "no blades in an advertisement"}},
        }
    ],
}
LONGER = MANIFEST.replace("takes: 2", "takes: 6").replace("run: {", "run: {budget: 20, ")
TERMINAL = Size(width=96, height=24)
HALF = 0.55  # of the jobs have ended when the picture is taken
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="the live screen of a run">
<style>.{unique_id}-matrix {{ font: {char_height}px/{line_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono",
monospace; }} .{unique_id}-title {{ font: 15px system-ui, sans-serif; }} {styles}</style>
<defs>{lines}<clipPath id="{unique_id}-clip-terminal">
<rect width="{terminal_width}" height="{terminal_height}"/></clipPath></defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
COLORS = ((72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34), (88, 166, 255), (188, 140, 255), (57, 197, 207))
DARK = TerminalTheme((22, 27, 34), (230, 237, 243), [*COLORS, (177, 186, 196)])
CHOSEN = """\
picks:
  "quay/light=dawn,product=kettle,ratio=16x9#1": {"verdict": "pick", "note": "the steam"}
  "quay/light=dawn,product=kettle,ratio=16x9#2": {"verdict": "reject"}
"""


def main() -> None:
    """Take them all."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        save("gallery", shot(campaign(Path(place))))
    with tempfile.TemporaryDirectory() as place:
        (PICTURES / "screen.svg").write_text(drawn(seen(Path(place))))


def campaign(folder: Path) -> Path:
    """Let the sandbox make a campaign, and return its gallery."""
    (folder / "harbour.yaml").write_text(MANIFEST)
    (folder / "refused.json").write_text(json.dumps(REFUSED))
    (folder / "harbour.sandbox.picks.yaml").write_text(CHOSEN)
    run(folder, "run", "harbour.yaml", "--sandbox", "--yes", "--speed", "1000", "--scenario", "refused.json")
    return folder / run(folder, "review", "harbour.yaml", "--sandbox").strip()


def run(folder: Path, *words: str) -> str:
    """Run the command in a folder, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "kling_batch", *words],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("TOAPIS_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 4}:
        raise RuntimeError(done.stderr)
    return done.stdout


def shot(page: Path) -> bytes:
    """Return a picture of a page in the browser."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path, args=list(FLAGS)) as browser:
        window = browser.new_page(viewport=SIZE, device_scale_factor=1.5)  # type: ignore[arg-type]  # it is such a dict
        window.goto(page.as_uri())
        window.locator("video[poster]").nth(3).wait_for()
        window.locator("article button.start").first.click()
        window.locator(".playing").wait_for()
        return window.screenshot()


def seen(folder: Path) -> Glance:
    """Let the sandbox run a longer campaign, and return a glance at it half way."""
    (folder / "harbour.yaml").write_text(LONGER)
    (folder / "refused.json").write_text(json.dumps(REFUSED))
    plan = kling_batch.plan(kling_batch.load(str(folder / "harbour.yaml"), sandbox=True))
    words = ["run", "harbour.yaml", "--sandbox", "--yes", "--speed", "6", "--scenario", "refused.json", "--json"]
    progress = begun(plan, time.monotonic())
    with subprocess.Popen(
        [sys.executable, "-m", "kling_batch", *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        for line in child.stdout or ():
            told = json.loads(line)
            if told["event"] not in {"version", "ended"}:
                progress.see(from_json(told), time.monotonic())
            if progress.share >= HALF:
                break
        child.kill()
    return progress.glance(time.monotonic())


def drawn(glance: Glance) -> str:
    """Return the live screen as a picture that asks nothing of any host."""
    console = Console(width=TERMINAL.width, record=True, file=io.StringIO(), force_terminal=True, color_system="256")
    for line in page(glance, TERMINAL):
        console.print(Text.assemble(*((text, INKS[style]) for text, style in line)))
    console.print()
    return console.export_svg(title="kling-batch run harbour.yaml", theme=DARK, code_format=SVG, unique_id="screen")


def save(name: str, picture: bytes) -> None:
    """Keep a picture, small."""
    Image.open(io.BytesIO(picture)).save(PICTURES / f"{name}.webp", quality=80, method=6)


if __name__ == "__main__":
    main()
