"""A page of a thousand jobs, and one of texts that are out to do harm."""

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import expect
from quay import SCRIPT, Window

from kling_batch.events import Failure
from kling_batch.job import Key, Request, key_of
from kling_batch.plan.picks import Picks
from kling_batch.plan.record import State
from kling_batch.report.cards import Card, Draw
from kling_batch.report.gallery import Gallery, page

Look = Callable[..., Window]
NOT_FOUND = "net::ERR_FILE_NOT_FOUND"
HIDDEN = "abc\u202edef\u200b\x00\x85\ud800 \u2028\n<b>"
SEEN = "abc\\u202edef\\u200b\\u0000\\u0085\\ud800 \\u2028\n<b>"


def card(number: int) -> Card:
    axes = (("city", f"v{number % 10}"), ("style", f"v{number // 10 % 10}"))
    draw = Draw(
        generation=1,
        spec=f"{number:012x}",
        prompt=f"a boat in the harbour, number {number}, seen from far above on a grey and windless day",
        asked={"mode": "std", "duration": 5},
        task=f"tsk_vid_{number}",
        sha256=f"{number:064x}",
        output=f"hero/{number}.mp4",
        usd=Decimal("0.184"),
        seconds=5.04,
        video=f"../hero/{number}.mp4",
        poster=f"posters/{number}.jpg",
    )
    return Card(
        key=key_of("hero", axes, str(number // 100 + 1)),
        shot="hero",
        axes=axes,
        take=str(number // 100 + 1),
        state=State.DONE,
        because="unchanged",
        spec=draw.spec,
        task=draw.task,
        usd=Decimal("0.184"),
        price=Decimal("0.184"),
        asks=Request(prompt=draw.prompt),
        is_current=True,
        failure=None,
        warnings=(),
        draw=draw,
        past=(),
        pick=None,
    )


def written(folder: Path, *cards: Card) -> Path:
    """Write the page of some cards; the posters and videos that it names are not there."""
    gallery = Gallery(
        project="bench",
        manifest="bench.yaml",
        cards=cards,
        picks=Picks(),
        picks_name="bench.picks.yaml",
        spent=Decimal(184),
    )
    where = folder / "index.html"
    where.write_text(page(gallery), encoding="utf-8")
    return where


def test_a_thousand_jobs_ask_for_twenty_posters_until_somebody_scrolls(look: Look, tmp_path: Path) -> None:
    where = written(tmp_path, *map(card, range(1000)))
    window = look(where, viewport={"width": 3840, "height": 2160})
    window.foreseen = (NOT_FOUND,)
    window.until("() => [...document.querySelectorAll('video')].filter((video) => video.poster).length >= 20")
    window.page.evaluate("() => new Promise((done) => requestIdleCallback(() => requestAnimationFrame(done)))")

    took = window.page.evaluate("() => performance.getEntriesByName('interactive')[0].startTime")
    print(f"interactive after {took:.0f} ms")
    assert len([each for each in window.requests if each.endswith(".jpg")]) == 20

    window.page.mouse.wheel(0, 20_000)
    window.until("() => [...document.querySelectorAll('video')].filter((video) => video.poster).length > 20")
    window.page.get_by_label("search").fill("number 999,")
    expect(window.page.locator("#shown")).to_contain_text("1 of 1,000 jobs")


def test_a_matrix_of_a_thousand_jobs_is_laid_out(look: Look, tmp_path: Path) -> None:
    window = look(written(tmp_path, *map(card, range(1000))))
    window.foreseen = (NOT_FOUND,)

    window.page.keyboard.press("m")

    expect(window.page.get_by_role("row")).to_have_count(11)
    expect(window.page.locator("td article")).to_have_count(1000)


def test_a_matrix_begins_with_axes_that_meet(look: Look, tmp_path: Path) -> None:
    other = dataclasses.replace(card(3), key=Key("pour/light=dawn#1"), shot="pour", axes=(("light", "dawn"),))
    night = dataclasses.replace(other, key=Key("pour/light=night#1"), axes=(("light", "night"),))
    window = look(written(tmp_path, *(card(number) for number in range(20)), other, night))
    window.foreseen = (NOT_FOUND,)

    window.page.get_by_role("button", name="Matrix").click()

    expect(window.page.locator("td .card")).to_have_count(20)


def test_a_language_without_spaces_is_compared_by_its_characters(look: Look, tmp_path: Path) -> None:
    made = card(0)
    assert made.draw is not None
    result = dataclasses.replace(made.draw, prompt="桟橋の上の銅の薬缶, slow-motion")
    earlier = dataclasses.replace(made.draw, prompt="桟橋の上の鉄の薬缶, stop-motion", spec="before")
    window = look(written(tmp_path, dataclasses.replace(made, draw=result, past=(earlier,))))
    window.foreseen = (NOT_FOUND,)

    window.page.get_by_role("button", name="compare 2 generations").click()

    assert window.page.locator("dialog mark").all_inner_texts() == ["鉄", "stop", "銅", "slow"]


def test_what_is_unseen_is_shown_and_what_is_markup_is_text(look: Look, tmp_path: Path) -> None:
    first = card(0)
    assert first.draw is not None
    hostile = dataclasses.replace(
        first,
        key=Key('x"><script>alert(1)</script>#1'),
        state=State.FAILED,
        axes=(("__proto__", SCRIPT), ("constructor", "javascript:alert(1)")),
        failure=Failure(kind="rejected", code=SCRIPT, message=HIDDEN),
        warnings=(SCRIPT,),
        draw=dataclasses.replace(
            first.draw,
            prompt=HIDDEN,
            asked={"negative_prompt": SCRIPT},
            video="javascript:alert(1)",
            poster="javascript:alert(2)",
            task=SCRIPT,
        ),
    )
    window = look(written(tmp_path, hostile, card(1)))
    window.foreseen = (NOT_FOUND, "The action has been blocked")
    element = window.card(hostile.key)

    assert element.locator(".prompt").text_content() == SEEN
    expect(element.locator(".error")).to_contain_text(f"({SCRIPT})")
    expect(element.locator(".warning")).to_have_text(SCRIPT)
    element.get_by_role("button", name="play").click()
    element.locator("summary").click()
    expect(element.locator("dl")).to_contain_text(SCRIPT)
    expect(window.page).to_have_title("bench - review")
    assert window.page.locator("main script, main img, main b").count() == 0
    window.page.get_by_label("state", exact=True).select_option("done")
    assert window.shown == [card(1).key]
