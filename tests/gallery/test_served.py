"""The gallery as it is served on loopback, in a real browser: picks at once, and a run that goes on meanwhile."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect
from quay import FAST, LATER, REDRAWN, Quay, Window, without_key

Look = Callable[..., Window]
FIRST = "voyage/product=kettle,ratio=16x9#1"
SECOND = "voyage/product=kettle,ratio=16x9#2"


@dataclass(frozen=True)
class Served:
    """A review that is being served, and its address."""

    quay: Quay
    address: str
    process: subprocess.Popen[str]

    def said_of(self, key: str) -> str:
        """Return what the picks file says of a job."""
        found = [line for line in self.quay.picks.read_text().splitlines() if line.startswith(f'  "{key}":')]
        return found[0].partition('": ')[2] if found else ""


@pytest.fixture
def served(quay: Quay) -> Iterator[Served]:
    """The review of the campaign, served by a process of its own; one job of it is still to be made.

    A test names it before `look`, so that windows are closed before it ends: each asks it for news until then.
    """
    (quay.folder / "quay.yaml").write_text((quay.folder / "quay.yaml").read_text() + LATER)
    with subprocess.Popen(
        [sys.executable, "-m", "kling_batch", "review", "quay.yaml", "--sandbox", "--serve"],
        cwd=quay.folder,
        env=without_key(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield Served(quay, process.stdout.readline().strip(), process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


def test_what_is_picked_is_in_the_file_at_once(served: Served, look: Look) -> None:
    window = look(served.address)
    status = window.page.locator("#told")

    window.card(FIRST).focus()
    window.page.keyboard.press("p")
    expect(status).to_have_text(f"picked {FIRST}, saved in quay.sandbox.picks.yaml")
    assert '"verdict": "pick", "video": "' in served.said_of(FIRST)

    window.card(FIRST).get_by_label("note on").fill("the steam")
    window.card(FIRST).get_by_label("note on").blur()
    window.card(FIRST).get_by_role("button", name="Reject").click()
    expect(status).to_have_text(f"rejected {FIRST}, saved in quay.sandbox.picks.yaml")
    assert served.said_of(FIRST).startswith('{"verdict": "reject", "note": "the steam", "video": "')
    expect(window.page.get_by_role("button", name="Save picks")).to_be_hidden()


def test_a_page_shows_what_somebody_else_has_picked(served: Served, look: Look) -> None:
    window = look(served.address)

    served.quay.picks.write_text(f'picks:\n  "{SECOND}": {{"verdict": "reject", "note": "by hand"}}\n')

    expect(window.card(SECOND).get_by_role("button", name="Reject")).to_have_attribute("aria-pressed", "true")
    expect(window.card(SECOND).get_by_label("note on")).to_have_value("by hand")


def test_a_video_appears_while_another_plays_and_a_note_is_written(served: Served, look: Look) -> None:
    window = look(served.address)
    late, note = window.card("later#1"), window.card(SECOND).get_by_label("note on")
    expect(late).to_contain_text("no video yet")
    window.card(FIRST).get_by_role("button", name="play").click()
    note.press_sequentially("half a sen")
    window.page.evaluate("() => { window.before = document.querySelector('video'); scrollTo(0, 40); }")

    served.quay.run("run", "quay.yaml", "later", *FAST)

    expect(late.locator("video")).to_be_attached()
    expect(late).to_contain_text("done")
    expect(note).to_be_focused()
    expect(note).to_have_value("half a sen")
    assert window.page.evaluate("() => [document.querySelector('video') === before, before.paused, scrollY]") == [
        True,
        False,
        40,
    ]
    late.get_by_role("button", name="play").click()
    window.until("() => document.querySelector('[data-key=\"later#1\"] video').currentTime > 0.1")


def test_a_job_joins_and_leaves_what_is_shown_as_its_state_changes(served: Served, look: Look) -> None:
    window = look(served.address)
    window.page.get_by_label("state", exact=True).select_option("pending")
    assert window.shown == ["later#1"]
    expect(window.card("later#1")).to_contain_text("$0.184 expected")

    served.quay.run("run", "quay.yaml", "later", *FAST)

    expect(window.page.get_by_text("no job is like this")).to_be_visible()
    expect(window.page.get_by_label("state", exact=True)).to_have_value("pending")
    window.page.get_by_label("state", exact=True).select_option("all")
    expect(window.card("later#1")).to_contain_text("done")


def test_a_value_that_an_edit_brings_can_be_filtered_by(served: Served, look: Look) -> None:
    window = look(served.address)
    manifest = served.quay.folder / "quay.yaml"
    window.page.get_by_label("ratio", exact=True).select_option("9x16")
    window.page.get_by_label("search").fill("")

    manifest.write_text(manifest.read_text().replace("[kettle, knife]", "[kettle, knife, lamp]"))

    window.until("() => [...document.querySelectorAll('#axis-product option')].length === 4")
    expect(window.page.get_by_label("search")).to_be_focused()
    window.page.get_by_label("product", exact=True).select_option("lamp")
    assert window.shown == ["voyage/product=lamp,ratio=9x16#1", "voyage/product=lamp,ratio=9x16#2"]


def test_a_note_is_kept_when_its_page_is_closed_at_once(served: Served, look: Look) -> None:
    window = look(served.address)
    window.card(FIRST).get_by_label("note on").press_sequentially("the steam")

    window.page.close()

    window = look(served.address)
    expect(window.card(FIRST).get_by_label("note on")).to_have_value("the steam")


def test_a_page_says_why_it_shows_nothing_new(served: Served, look: Look) -> None:
    window = look(served.address)
    window.foreseen = ("409 (Conflict)", "ERR_CONNECTION_REFUSED")
    alert = window.page.get_by_role("alert")
    expect(alert).to_be_hidden()

    served.quay.picks.write_text("picks: [\n")
    expect(alert).to_contain_text("not as it is now: quay.sandbox.picks.yaml:2:")
    served.quay.picks.write_text("picks:\n")
    expect(alert).to_be_hidden()
    served.process.send_signal(signal.SIGINT)

    expect(alert).to_have_text("the review has ended: what is shown may be old, and no pick is saved")


def test_a_pick_that_cannot_be_saved_is_taken_back_and_told(served: Served, look: Look) -> None:
    window = look(served.address)
    window.foreseen = ("409 (Conflict)",)
    served.quay.picks.write_text("picks: [\n")

    window.card(REDRAWN).get_by_role("button", name="Pick").click()

    expect(window.page.locator("#told")).to_contain_text("not saved: quay.sandbox.picks.yaml:")
    expect(window.card(REDRAWN).get_by_role("button", name="Pick")).to_have_attribute("aria-pressed", "false")
    assert served.quay.picks.read_text() == "picks: [\n"
