"""The gallery in a real browser: what a reviewer does with it, and that every text in it stays a text."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from quay import REDRAWN, SCRIPT, Quay, Window

Look = Callable[..., Window]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PAGE = "out.sandbox/review/index.html"
KETTLES = [f"voyage/product=kettle,ratio={ratio}#{take}" for ratio in ("16x9", "9x16") for take in (1, 2)]
KNIVES = [key.replace("kettle", "knife") for key in KETTLES]


def test_a_clip_plays_when_its_button_is_pressed_and_stops_at_the_next(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    card = window.card(KETTLES[0])

    card.get_by_role("button", name=f"play {KETTLES[0]}").click()
    window.until("(key) => document.querySelector(`[data-key='${key}'] video`).currentTime > 0.2", KETTLES[0])
    card.get_by_role("button", name=f"play {KETTLES[0]}").click()

    expect(card.locator("video")).to_have_js_property("paused", value=True)


def test_no_video_is_asked_for_before_somebody_wants_it(look: Look, made: Path) -> None:
    window = look(made / PAGE)

    window.until("() => [...document.querySelectorAll('video')].some((video) => video.poster)")

    assert [each for each in window.requests if each.endswith(".mp4")] == []
    assert [each for each in window.requests if each.endswith(".jpg")] != []


def test_a_card_tells_all_that_is_known_of_its_job(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    records = json.loads((made / "quay.sandbox.lock.json").read_text())["jobs"]
    record = records[KETTLES[1]]
    card = window.card(KETTLES[1])

    for told in ("done", "$0.184", "take 2", "product kettle", "ratio 16x9", "a kettle on a wet quay", record["task"]):
        expect(card).to_contain_text(told)
    expect(card).to_contain_text(record["spec"].removeprefix("v1:")[:12])
    expect(window.card(KNIVES[0])).to_contain_text("rejected: no knives")


def test_filters_leave_the_jobs_that_fit_all_of_them(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    page, status = window.page, window.page.locator("#shown")
    expect(status).to_have_text("9 of 9 jobs, 0 picked, 0 rejected")

    page.get_by_label("product", exact=True).select_option("kettle")
    page.get_by_label("ratio", exact=True).select_option("9x16")
    expect(status).to_contain_text("2 of 9 jobs")
    assert window.shown == KETTLES[2:]

    page.get_by_label("state", exact=True).select_option("failed")
    expect(page.get_by_text("no job is like this")).to_be_visible()

    page.get_by_label("product", exact=True).select_option("knife")
    page.get_by_label("search").fill("no KNIVES #2")
    assert window.shown == KNIVES[3:]


def test_jobs_are_found_by_what_was_said_of_them(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    window.card(KETTLES[2]).get_by_role("button", name="Pick").click()
    window.card(KETTLES[3]).get_by_role("button", name="Reject").click()

    window.page.get_by_label("verdict").select_option("rejected")
    assert window.shown == KETTLES[3:]

    window.page.get_by_label("verdict").select_option("open")
    expect(window.page.locator("#shown")).to_have_text("7 of 9 jobs, 1 picked, 1 rejected")


def test_what_failures_have_in_common_leads_to_them(look: Look, made: Path) -> None:
    window = look(made / PAGE)

    window.page.get_by_role("button", name="all 4 rejections have product=knife").click()

    assert window.shown == KNIVES
    expect(window.page.get_by_label("state", exact=True)).to_have_value("failed")
    expect(window.page.get_by_label("product", exact=True)).to_have_value("knife")


def test_a_filter_stops_no_video_that_it_leaves(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    window.card(KETTLES[0]).get_by_role("button", name="play").click()
    window.until("(key) => document.querySelector(`[data-key='${key}'] video`).currentTime > 0.1", KETTLES[0])

    window.page.get_by_label("product", exact=True).select_option("kettle")
    window.page.get_by_label("state", exact=True).select_option("done")

    assert window.shown == KETTLES
    expect(window.card(KETTLES[0]).locator("video")).to_have_js_property("paused", value=False)


def test_a_matrix_puts_takes_side_by_side_where_two_axes_meet(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    page = window.page

    page.get_by_role("button", name="Matrix").click()
    page.get_by_label("rows").select_option("product")
    page.get_by_label("columns").select_option("ratio")

    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="kettle"))
    cells = [
        [one.get_attribute("aria-label") for one in cell.locator("article").all()]
        for cell in row.get_by_role("cell").all()
    ]
    assert cells == [KETTLES[:2], KETTLES[2:]]
    expect(page.get_by_text("jobs without product or ratio are not in this matrix")).to_be_visible()


def test_the_takes_of_a_row_play_as_one(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    window.page.get_by_role("button", name="Matrix").click()

    window.page.get_by_label("rows").select_option("product")
    window.page.get_by_label("columns").select_option("ratio")
    window.page.get_by_role("button", name="play product kettle together").click()

    window.until("""() => {
        const times = [...document.querySelectorAll("video")].map((each) => each.currentTime).filter((at) => at > 0.3);
        return times.length === 4 && Math.max(...times) - Math.min(...times) < 0.25;
    }""")
    window.page.get_by_role("button", name="play product kettle together").click()
    window.until("() => [...document.querySelectorAll('video')].every((video) => video.paused)")


def test_what_plays_as_one_stops_as_one_and_has_its_sound_again(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    window.page.get_by_role("button", name="Play together").click()
    window.until("() => [...document.querySelectorAll('video')].filter((video) => video.currentTime > 0.1).length > 1")
    assert window.page.evaluate("() => [...document.querySelectorAll('video')].some((video) => video.muted)")

    window.card(KETTLES[0]).get_by_role("button", name="play").click()

    window.until("() => [...document.querySelectorAll('video')].every((video) => video.paused && !video.muted)")


def test_the_keyboard_is_enough_to_look_and_to_choose(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    keyboard = window.page.keyboard

    keyboard.press("j")
    expect(window.card(KETTLES[0])).to_be_focused()
    keyboard.press("j")
    keyboard.press("p")
    keyboard.press("ArrowRight")
    keyboard.press("x")
    keyboard.press("n")
    keyboard.type("p x too dark")
    keyboard.press("Escape")
    expect(window.card(KETTLES[2])).to_be_focused()
    keyboard.press("k")
    keyboard.press("Space")

    window.until("(key) => document.querySelector(`[data-key='${key}'] video`).currentTime > 0.1", KETTLES[1])
    expect(window.card(KETTLES[1]).get_by_role("button", name="Pick")).to_have_attribute("aria-pressed", "true")
    expect(window.card(KETTLES[2]).get_by_role("button", name="Reject")).to_have_attribute("aria-pressed", "true")
    expect(window.card(KETTLES[2]).get_by_label(f"note on {KETTLES[2]}")).to_have_value("p x too dark")
    keyboard.press("m")
    expect(window.page.get_by_role("region", name="matrix of")).to_be_visible()


def test_letters_can_be_told_to_be_no_keys(look: Look, made: Path) -> None:
    window = look(made / PAGE)
    window.page.keyboard.press("?")
    window.page.get_by_label("letters are keys").uncheck()
    window.page.get_by_role("button", name="Close").click()

    window.card(KETTLES[0]).focus()
    window.page.keyboard.press("p")

    expect(window.page.locator("#shown")).to_contain_text("0 picked")


def test_two_generations_of_a_job_lie_side_by_side(look: Look, quay: Quay) -> None:
    window = look(quay.review("--var", "where=a dark quay"))
    window.card(REDRAWN).get_by_role("button", name="compare 2 generations").click()
    dialog = window.page.get_by_role("dialog", name="generations compared")

    assert dialog.locator("mark").all_inner_texts() == ["wet", "dark"]
    sources = [str(each.get_attribute("src")) for each in dialog.locator("video").all()]
    assert ["~" in each for each in sources] == [True, False]
    dialog.get_by_role("button", name="Play together").click()
    window.until("() => [...document.querySelectorAll('dialog video')].every((video) => video.currentTime > 0.2)")

    dialog.get_by_label("left generation").select_option(index=0)
    expect(dialog.locator("mark")).to_have_count(0)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(look: Look, quay: Quay, scheme: str) -> None:
    quay.picks.write_text(
        f'picks:\n  "{KETTLES[0]}": {{verdict: pick}}\n  "{KETTLES[1]}": {{verdict: reject, video: ab}}\n'
    )
    window = look(quay.review("--var", "where=a dark quay"), color_scheme=scheme, reduced_motion="reduce")
    page, axe = window.page, Axe()

    def violations() -> list[object]:
        found = axe.run(page, options=WCAG).response["violations"]
        return [(each["id"], node["html"][:200], node["failureSummary"]) for each in found for node in each["nodes"]]

    assert violations() == []
    page.keyboard.press("m")
    assert violations() == []
    page.keyboard.press("?")
    assert violations() == []
    page.keyboard.press("Escape")
    window.card(REDRAWN).get_by_role("button", name="compare 2 generations").click()
    assert violations() == []


def test_texts_from_outside_stay_texts(look: Look, made: Path) -> None:
    window = look(made / PAGE)

    expect(window.card("odd#1").locator(".prompt")).to_have_text(f"{SCRIPT} javascript:alert(1)")
    expect(window.card(KNIVES[0]).locator(".error")).to_contain_text(f"no knives {SCRIPT}")
    expect(window.page).to_have_title("quay - review")
    assert window.page.locator("main img, main script").count() == 0


def test_an_embedded_page_plays_far_from_its_videos(look: Look, quay: Quay, tmp_path: Path) -> None:
    alone = tmp_path / "handed out.html"
    quay.review("--embed", "-o", "one").rename(alone)
    window = look(alone)

    window.card(KETTLES[0]).get_by_role("button", name=f"play {KETTLES[0]}").click()

    window.until("(key) => document.querySelector(`[data-key='${key}'] video`).currentTime > 0.1", KETTLES[0])
    assert [each for each in window.requests if not each.startswith(("data:", alone.as_uri()))] == []
