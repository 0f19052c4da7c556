"""A campaign that the sandbox has made, and windows of a browser in which its gallery is looked at."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PATIENCE = 60_000  # ms for anything that a page is waited for
LOCAL = ("file:///", "http://127.0.0.1:", "data:", "blob:", "javascript:")  # the last one is refused, and has no host

SCRIPT = "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
MANIFEST = f"""\
version: 1
project: quay
vars: {{where: a wet quay}}
run: {{in_flight: 20, submit_per_second: 50, posts: 4, max_failures: 100, poll: {{first: 0.1s, every: 1s}}}}
output: {{root: out}}
shots:
  voyage:
    matrix: {{product: [kettle, knife], ratio: [16:9, 9:16]}}
    takes: 2
    request: {{prompt: "a {{{{ product }}}} on {{{{ where }}}}", aspect_ratio: "{{{{ ratio }}}}"}}
  odd:
    request: {{prompt: {json.dumps(SCRIPT + " javascript:alert(1)")}}}
"""
LATER = '  later:\n    request: {prompt: "a gull"}\n'
SCENARIO = {
    "rules": [
        {
            "on": "submit",
            "when": {"prompt": "knife"},
            "do": {"task": {"code": "content_policy_violation", "message": f"no knives {SCRIPT}\u202e\x07"}},
        }
    ]
}
REDRAWN = "voyage/product=kettle,ratio=16x9#1"
FAST = ("--sandbox", "--yes", "--speed", "2000")


@dataclass(frozen=True)
class Quay:
    """A folder with the campaign `quay.yaml`, and the command run in it."""

    folder: Path

    def run(self, *words: str) -> str:
        """Run `kling-batch` to its end, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "kling_batch", *words],
            cwd=self.folder,
            env=without_key(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in {0, 4}, done.stderr
        return done.stdout

    def review(self, *words: str) -> Path:
        """Make the page, and return where it lies."""
        return self.folder / self.run("review", "quay.yaml", "--sandbox", *words).splitlines()[0]

    @property
    def picks(self) -> Path:
        return self.folder / "quay.sandbox.picks.yaml"


def without_key() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TOAPIS_")}


UNTIL = """([condition, argument, patience]) => new Promise((done, fail) => {
    const end = performance.now() + patience, is = CONDITION;
    const look = () => is(argument) ? done() : performance.now() > end
        ? fail(new Error(`never: ${condition}`)) : requestAnimationFrame(look);
    look();
})"""


@dataclass
class Window:
    """One page in the browser, what it asked for and what it complained of; it may complain of what is `foreseen`."""

    page: Page
    foreseen: tuple[str, ...] = ()
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda told: self.faults.append(told.text) if told.type == "error" else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))

    def until(self, condition: str, argument: Any = None) -> None:
        """Wait until a function of the page is true, at each picture that it paints."""
        self.page.evaluate(UNTIL.replace("CONDITION", condition), [condition, argument, PATIENCE])

    def card(self, key: str) -> Locator:
        """Return the card of a job."""
        return self.page.get_by_role("article", name=key, exact=True)

    @property
    def shown(self) -> list[str]:
        """The keys of the cards that are shown, in their order."""
        return [str(each.get_attribute("aria-label")) for each in self.page.locator("article:not([hidden])").all()]
