"""Take the pictures of the README, into `.github/pictures/`.

A tool for developers, run by hand when what is pictured looks different: `python tests/make_pictures.py`. It needs
Chromium and the extra `media`. The gallery is that of a small campaign, made by the sandbox just now.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

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
CHOSEN = """\
picks:
  "quay/light=dawn,product=kettle,ratio=16x9#1": {"verdict": "pick", "note": "the steam"}
  "quay/light=dawn,product=kettle,ratio=16x9#2": {"verdict": "reject"}
"""


def main() -> None:
    """Take them all."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        page = campaign(Path(place))
        save("gallery", shot(page))


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


def save(name: str, picture: bytes) -> None:
    """Keep a picture, small."""
    Image.open(io.BytesIO(picture)).save(PICTURES / f"{name}.webp", quality=80, method=6)


if __name__ == "__main__":
    main()
