"""Picks and notes on a page that lies on disk: what it keeps, and the file that it hands out."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect
from quay import Quay, Window

from kling_batch.job import Key
from kling_batch.plan.picks import Pick, Picks, Verdict, edited, parse_picks
from kling_batch.text.source import Source

Look = Callable[..., Window]
PAGE = "out.sandbox/review/index.html"
KETTLES = [f"voyage/product=kettle,ratio={ratio}#{take}" for ratio in ("16x9", "9x16") for take in (1, 2)]


def test_a_note_is_written_and_read_in_the_matrix_too(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    keyboard, note = window.page.keyboard, window.card(KETTLES[1]).get_by_label("note on")
    keyboard.press("m")
    window.card(KETTLES[1]).focus()

    keyboard.press("n")
    keyboard.type("the steam")
    keyboard.press("Escape")
    window.card(KETTLES[2]).focus()

    expect(note).to_be_visible()
    expect(note).to_have_value("the steam")
    expect(window.card(KETTLES[0]).get_by_label("note on")).to_be_hidden()


def test_a_note_does_not_make_an_old_verdict_one_of_a_new_video(look: Look, quay: Quay) -> None:
    quay.picks.write_text(f'picks:\n  "{KETTLES[0]}": {{verdict: pick, video: "0123456789ab"}}\n')
    window = look(quay.review())
    stale = window.card(KETTLES[0]).get_by_text("what was said is of an earlier video")

    window.card(KETTLES[0]).get_by_label("note on").fill("look again")
    window.card(KETTLES[0]).get_by_label("note on").blur()
    expect(stale).to_be_visible()

    window.card(KETTLES[0]).get_by_role("button", name="Reject").click()
    expect(stale).to_be_hidden()


def test_the_picks_that_a_page_hands_out_are_what_python_writes(look: Look, made: Path, tmp_path: Path) -> None:
    window = look(made / PAGE)
    window.card(KETTLES[3]).get_by_role("button", name="Pick").click()
    window.card(KETTLES[0]).get_by_role("button", name="Reject").click()
    window.card("odd#1").get_by_label("note on odd#1").fill('kühl: "#1" \\ \t🎬')
    window.card("odd#1").get_by_role("button", name="Pick").click()

    with window.page.expect_download() as download:
        window.page.get_by_role("button", name="Save picks").click()
    download.value.save_as(tmp_path / "got.yaml")

    got = (tmp_path / "got.yaml").read_text()
    by_hand = Picks()
    for key, verdict, note in (
        (KETTLES[3], Verdict.PICK, ""),
        (KETTLES[0], Verdict.REJECT, ""),
        ("odd#1", Verdict.PICK, 'kühl: "#1" \\ \t🎬'),
    ):
        by_hand = edited(by_hand, Key(key), Pick(verdict=verdict, note=note, video=sha_of(made, key)))
    assert download.value.suggested_filename == "quay.sandbox.picks.yaml"
    assert got == by_hand.text()
    read, faults = parse_picks(Source("got.yaml", got))
    assert (read and read.picks, faults) == (by_hand.picks, ())


def sha_of(folder: Path, key: str) -> str:
    return str(json.loads((folder / "quay.sandbox.lock.json").read_text())["jobs"][key]["sha256"][:12])


def test_what_a_person_wrote_beside_the_picks_stays(look: Look, quay: Quay, tmp_path: Path) -> None:
    quay.picks.write_text(
        f'# ours\npicks:\n    # the best\n    "{KETTLES[0]}": {{verdict: pick}}  # sure\n    zz#1: {{note: x}}'
    )
    window = look(quay.review())
    expect(window.card(KETTLES[0]).get_by_role("button", name="Pick")).to_have_attribute("aria-pressed", "true")

    window.card(KETTLES[1]).get_by_role("button", name="Reject").click()
    with window.page.expect_download() as download:
        window.page.get_by_role("button", name="Save picks").click()
    download.value.save_as(tmp_path / "got.yaml")

    reject = f'    "{KETTLES[1]}": {{"verdict": "reject", "video": "{sha_of(quay.folder, KETTLES[1])}"}}\n'
    before, after = quay.picks.read_text().split("    zz#1")
    assert (tmp_path / "got.yaml").read_text() == f"{before}{reject}    zz#1{after}"


def test_a_note_half_written_outlives_a_reload(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    window.card(KETTLES[0]).get_by_label("note on").press_sequentially("the steam")

    window.page.reload()

    expect(window.card(KETTLES[0]).get_by_label("note on")).to_have_value("the steam")


def test_picks_outlive_a_reload_until_somebody_else_says_otherwise(look: Look, quay: Quay) -> None:
    window = look(quay.review())
    window.card(KETTLES[0]).get_by_role("button", name="Pick").click()
    window.card(KETTLES[1]).get_by_role("button", name="Pick").click()

    quay.picks.write_text(f'picks:\n  "{KETTLES[1]}": {{"verdict": "reject"}}\n')
    quay.review()
    window.page.reload()

    expect(window.card(KETTLES[0]).get_by_role("button", name="Pick")).to_have_attribute("aria-pressed", "true")
    expect(window.card(KETTLES[1]).get_by_role("button", name="Reject")).to_have_attribute("aria-pressed", "true")
