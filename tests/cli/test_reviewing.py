"""`review` on the command line: what it writes, what it tells, and what it leaves alone."""

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAST = ("--sandbox", "--yes", "--speed", "2000")
Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import


@pytest.fixture
def outputs(folder: Path, command: Command) -> Path:
    """The outputs of `spring.yaml`, whose two videos the sandbox has made."""
    assert command("run", "spring.yaml", *FAST).code == 0
    return folder / "outputs" / "spring.sandbox"


def told(page: Path) -> dict[str, object]:
    """Return what a page knows."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def test_the_page_lies_below_the_outputs_with_a_poster_for_each_video(command: Command, outputs: Path) -> None:
    said = command("review", "spring.yaml", "--sandbox")

    assert (said.code, said.out) == (0, "outputs/spring.sandbox/review/index.html\n")
    assert re.fullmatch(r"2 jobs, \d+\.\d KB; open it in a browser:\n", said.err)
    posters = sorted((outputs / "review" / "posters").iterdir())
    assert [each.read_bytes()[:3] for each in posters] == [b"\xff\xd8\xff"] * 2


def test_a_poster_is_made_once(command: Command, outputs: Path) -> None:
    command("review", "spring.yaml", "--sandbox")
    before = {each: each.stat().st_mtime_ns for each in (outputs / "review" / "posters").iterdir()}

    command("review", "spring.yaml", "--sandbox")

    assert {each: each.stat().st_mtime_ns for each in (outputs / "review" / "posters").iterdir()} == before


@pytest.mark.usefixtures("outputs")
def test_a_selector_leaves_the_other_jobs_out(command: Command, folder: Path) -> None:
    command("review", "spring.yaml", "hero/lang=de", "--sandbox", "-o", "here")

    page = told(folder / "here" / "index.html")
    assert [(card["key"], card["draw"]["video"]) for card in page["cards"]] == [
        ("hero/lang=de#1", "../outputs/spring.sandbox/hero/de-t1.mp4")
    ]


def test_a_page_that_is_not_ours_stays(command: Command, outputs: Path) -> None:
    page = outputs / "review" / "index.html"
    page.parent.mkdir()
    page.write_text("<p>mine</p>")

    said = command("review", "spring.yaml", "--sandbox")

    assert (said.code, page.read_text()) == (2, "<p>mine</p>")
    assert "`outputs/spring.sandbox/review/index.html` is not a page of ours" in said.err


def test_a_folder_in_the_place_of_the_page_stays(command: Command, outputs: Path) -> None:
    (outputs / "review" / "index.html").mkdir(parents=True)

    said = command("review", "spring.yaml", "--sandbox")

    assert said.code == 2
    assert "`outputs/spring.sandbox/review/index.html` is not a page of ours" in said.err


@pytest.mark.usefixtures("outputs")
@pytest.mark.parametrize("words", [("review", "-o"), ("export", "--picked")])
def test_a_folder_that_cannot_be_is_told(command: Command, folder: Path, words: tuple[str, str]) -> None:
    (folder / "file").touch()
    verb, option = words

    said = command(verb, "spring.yaml", "--sandbox", option, "file/there")

    assert said.code == 6
    assert "error: there can be no folder `there`: Not a directory" in said.err
    assert "name another one" in said.err


def test_a_video_without_a_picture_is_told_and_shown_all_the_same(command: Command, outputs: Path) -> None:
    (outputs / "hero" / "de-t1.mp4").write_bytes(b"no video at all")

    said = command("review", "spring.yaml", "--sandbox")

    assert said.code == 0
    assert "warning: no picture can be had of `de-t1.mp4`" in said.err
    assert [card["draw"]["poster"] is None for card in told(outputs / "review" / "index.html")["cards"]] == [
        True,
        False,
    ]


def test_sheets_show_each_shot_at_a_glance(command: Command, outputs: Path) -> None:
    said = command("review", "spring.yaml", "--sandbox", "--sheets")

    assert said.out.splitlines()[1:] == ["outputs/spring.sandbox/review/sheet-hero.jpg"]
    assert (outputs / "review" / "sheet-hero.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


@pytest.mark.usefixtures("outputs")
def test_an_embedded_page_needs_no_other_file(command: Command, folder: Path) -> None:
    said = command("review", "spring.yaml", "--sandbox", "--embed", "-o", "one")

    draws = [card["draw"] for card in told(folder / "one" / "index.html")["cards"]]
    assert said.code == 0
    assert [each["video"].startswith("data:video/mp4;base64,") for each in draws] == [True, True]
    assert [each["poster"].startswith("data:image/jpeg;base64,") for each in draws] == [True, True]


def test_an_embedded_page_that_no_browser_would_open_is_not_made(command: Command, outputs: Path) -> None:
    os.truncate(outputs / "hero" / "de-t1.mp4", 400_000_000)

    said = command("review", "spring.yaml", "--sandbox", "--embed")

    assert said.code == 2
    assert re.search(r"the page would have 533\.\d MB, and browsers open none above 500\.0 MB", said.err)
    assert not (outputs / "review").exists()


def test_an_embedded_page_that_is_hard_to_send_is_made_and_told(command: Command, outputs: Path, folder: Path) -> None:
    os.truncate(outputs / "hero" / "de-t1.mp4", 40_000_000)

    said = command("review", "spring.yaml", "hero/lang=de", "--sandbox", "--embed", "-o", "one")

    assert said.code == 0
    assert re.search(r"1 job, 53\.\d MB; mail and browsers may refuse it; open it in a browser:\n", said.err)
    assert (folder / "one" / "index.html").stat().st_size > 53_000_000


@pytest.mark.usefixtures("outputs")
def test_picks_of_jobs_that_nobody_knows_are_told(command: Command, folder: Path) -> None:
    (folder / "spring.sandbox.picks.yaml").write_text('picks:\n  "hero/lang=dd#1": {"verdict": "pick"}\n')

    said = command("review", "spring.yaml", "--sandbox")

    assert said.code == 0
    assert "nothing is known of `hero/lang=dd#1`" in said.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("spring.yaml", "spring.yml", "--serve"), "`--serve` and `-o` are for one manifest"),
        (("spring.yaml", "spring.yml", "-o", "there"), "`--serve` and `-o` are for one manifest"),
        (("spring.yaml", "--serve", "--embed"), "a served page needs no `--embed`"),
    ],
)
def test_options_that_do_not_go_together_are_refused(command: Command, words: tuple[str, ...], why: str) -> None:
    said = command("review", *words, "--sandbox")

    assert said.code == 2
    assert why in said.err


def test_without_the_extra_a_page_is_made_and_the_missing_posters_are_told(outputs: Path, folder: Path) -> None:
    packages = folder / "packages"
    packages.mkdir()
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(r"(av|pil|pillow)\b", each.name, re.IGNORECASE):
            (packages / each.name).symlink_to(each)

    done = subprocess.run(
        [sys.executable, "-S", "-m", "kling_batch", "review", "spring.yaml", "--sandbox"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{packages}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "no posters:" in done.stderr
    assert "pip install 'kling-batch[media]'" in done.stderr
    assert [card["draw"]["poster"] for card in told(outputs / "review" / "index.html")["cards"]] == [None, None]
