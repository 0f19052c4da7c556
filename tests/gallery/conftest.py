"""A real browser, and a campaign that the sandbox has made: what a reviewer has before them.

A page that is opened here is held to two laws until it is closed: it asks no other host for anything, and it breaks
none of its own rules (no error, no dialog, nothing that its content security policy had to refuse).
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from quay import BROWSERS, FAST, FLAGS, LOCAL, MANIFEST, PATIENCE, REDRAWN, SCENARIO, Quay, Window

MISSING = f"NO BROWSER, so nobody looked at the gallery: `apt-get install chromium`; known are {', '.join(BROWSERS)}"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign of nine jobs, once: four rejected, one drawn twice, one whose prompt is an attack."""
    quay = Quay(tmp_path_factory.mktemp("quay"))
    (quay.folder / "quay.yaml").write_text(MANIFEST)
    (quay.folder / "scenario.json").write_text(json.dumps(SCENARIO))
    quay.run("run", "quay.yaml", "--scenario", "scenario.json", *FAST)
    quay.run("run", "quay.yaml", REDRAWN, "--var", "where=a dark quay", *FAST)
    quay.review()
    return quay.folder


@pytest.fixture
def quay(made: Path, tmp_path: Path) -> Quay:
    """That campaign, as a copy to do with as one likes."""
    return Quay(Path(shutil.copytree(made, tmp_path / "quay")))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, with a profile of its own; skipped where there is none, and failed in a CI."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail(MISSING) if os.environ.get("CI") else pytest.skip(MISSING)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()


Look = Callable[..., Window]


@pytest.fixture
def look(browser: Browser) -> Iterator[Look]:
    """Open a page, by its file or address, in a window of its own; its two laws are held at the end."""
    windows: list[Window] = []

    def opened(where: Path | str, **options: Any) -> Window:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(PATIENCE)
        window = Window(context.new_page())
        windows.append(window)
        window.watch()
        window.page.goto(where if isinstance(where, str) else where.as_uri())
        window.page.locator("body[data-ready]").wait_for()
        return window

    yield opened
    for window in windows:
        window.page.context.close()
    faults = [(fault, window.foreseen) for window in windows for fault in window.faults]
    assert [fault for fault, foreseen in faults if not any(each in fault for each in foreseen)] == []
    assert [each for window in windows for each in window.requests if not each.startswith(LOCAL)] == []
