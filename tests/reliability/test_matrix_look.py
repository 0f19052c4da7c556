"""Rows 61 to 67 of the fault matrix: what can go wrong with a look, over real HTTP; none of it spends or gives up."""

from collections.abc import Callable

import pytest
from matrix import RUN, Stage, on

Up = Callable[..., Stage]
SOON = RUN.replace("deadline: 8s", "deadline: 1s")
TROUBLES = {
    "a reset on arrival": {"drop": "arrival"},
    "a reset": {"drop": "handled"},
    "silence": {"hang": "handled"},
    "half an answer": {"transfer": {"cut": 60}},
    "500": {"reply": {"status": 500, "body": "<html>"}},
    "503": {"reply": {"status": 503, "body": ""}},
    "408": {"reply": {"status": 408, "body": ""}},
    "429": {"reply": {"status": 429, "body": "{}", "headers": {"retry-after": "0.1"}}},
    "a redirect": {"reply": {"status": 302, "body": "", "headers": {"location": "http://127.0.0.1:9/"}}},
    "a page": {"reply": {"status": 200, "body": "<html>"}},
    "nothing": {"reply": {"status": 200, "body": ""}},
    "garbage": {"raw": "HTP/9 whatever\r\n\r\n"},
    "two lengths": {"raw": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
    "a bad chunk": {"raw": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"},
    "a bomb": {"reply": {"status": 200, "bomb": 50_000_000}},
}


@pytest.mark.parametrize("do", TROUBLES.values(), ids=TROUBLES.keys())
def test_61_a_look_that_goes_wrong_is_repeated_and_buys_nothing(stage: Up, do: dict[str, object]) -> None:
    it = stage(on("look", {"every": 2, "times": 3}, **do))

    assert it.run().exit_code == 0

    assert it.posts == 3
    it.assert_all_is_well()


def test_62_a_task_that_does_not_show_yet_is_waited_for(stage: Up) -> None:
    it = stage(on("submit", task={"known_after": 1.5}))

    assert it.run().exit_code == 0

    it.assert_all_is_well()


@pytest.mark.parametrize("absent", [404, 400])
def test_63_a_task_that_nobody_knows_is_told_and_not_bought_again(stage: Up, absent: int) -> None:
    never = on("submit", {"nth": 2}, task={"known_after": -1, "visible_after": -1})
    it = stage(never, run=SOON, service={"absent": absent})

    codes = [it.run().exit_code for _ in range(2)]

    assert codes == [4, 4]
    assert it.posts == 0
    assert it.states() == ["done", "done", "submitted"]
    assert len(it.charges()) == 3


@pytest.mark.parametrize("word", ["WAT", "Queued", "", "done?", "0"])
def test_64_a_strange_status_is_not_final(stage: Up, word: str) -> None:
    strange = on("submit", task={"seconds": 0.4, "words": {"queued": word, "in_progress": word}})
    it = stage(strange)

    assert it.run().exit_code == 0

    it.assert_all_is_well()


@pytest.mark.parametrize("status", [None, 7, ["completed"], {"a": 1}])
def test_64_a_status_that_is_no_word_is_not_final(stage: Up, status: object) -> None:
    it = stage(on("look", {"every": 2, "times": 3}, reshape={"set": {"status": status}}))

    assert it.run().exit_code == 0

    it.assert_all_is_well()


def test_64_a_task_that_goes_back_to_queued_is_taken_at_its_first_final_word(stage: Up) -> None:
    again = on("look", {"every": 3}, reshape={"set": {"status": "queued"}, "remove": ["result"]})
    it = stage(again)

    assert it.run().exit_code == 0

    it.assert_all_is_well()


def test_65_a_task_that_never_ends_is_left_and_resumed(stage: Up) -> None:
    it = stage(on("submit", {"nth": 2}, task={"seconds": 3600}), run=SOON)

    codes = [it.run().exit_code for _ in range(2)]

    assert codes == [5, 5]
    assert it.posts == 0
    assert it.states() == ["done", "done", "submitted"]
    assert it.audit().faults == []


def test_66_a_completed_task_without_a_link_is_looked_at_again(stage: Up) -> None:
    it = stage(on("submit", {"nth": 2}, task={"urls_after": 1.0}))

    assert it.run().exit_code == 0

    it.assert_all_is_well()


def test_66_a_completed_task_that_never_shows_a_link_is_left_and_not_bought_again(stage: Up) -> None:
    it = stage(on("submit", {"nth": 2}, task={"urls": 0}), run=SOON)

    codes = [it.run().exit_code for _ in range(2)]

    assert set(codes) <= {4, 5}
    assert it.posts == 0
    assert it.audit().faults == []


def test_66_of_two_links_one_video_is_made(stage: Up) -> None:
    it = stage(on("submit", {"nth": 2}, task={"urls": 2}))

    assert it.run().exit_code == 0

    it.assert_all_is_well()


def test_67_an_answer_about_another_task_is_refused(stage: Up) -> None:
    it = stage(on("look", {"every": 2, "times": 3}, reshape={"set": {"id": "tsk_vid_of_somebody_else"}}))

    assert it.run().exit_code == 0

    it.assert_all_is_well()
