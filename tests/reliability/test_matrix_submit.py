"""Rows 37 to 60 of the fault matrix: what can go wrong with a submit, over real HTTP."""

import shutil
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest
from blackbox import Campaign, Sandbox, audit, wait_until
from matrix import RUN, Stage, on

Up = Callable[..., Stage]
HTML = "<html>502 Bad Gateway</html>"
SECOND = {"nth": 2}


def test_39_a_reset_on_arrival_is_settled_and_paid_once(stage: Up) -> None:
    it = stage(on("submit", SECOND, drop="arrival"))

    outcome = it.run()

    assert outcome.exit_code == 0
    it.assert_all_is_well()


def test_40_an_answer_lost_in_silence_is_found_by_the_own_id(stage: Up) -> None:
    it = stage(on("submit", SECOND, hang="handled"))

    outcome = it.run()

    assert outcome.exit_code == 0
    assert it.posts == 3  # adopted, and not sent again
    it.assert_all_is_well()


def test_40a_a_task_that_shows_late_is_adopted(stage: Up) -> None:
    it = stage(on("submit", SECOND, drop="handled", task={"visible_after": 0.4}))

    assert it.run().exit_code == 0

    assert it.posts == 3
    it.assert_all_is_well()


def test_40a_a_task_that_never_shows_is_sent_again_under_the_same_id_once(stage: Up) -> None:
    it = stage(on("submit", SECOND, drop="handled", task={"visible_after": -1}))

    assert it.run().exit_code == 0

    assert it.posts == 4
    it.assert_all_is_well()


@pytest.mark.parametrize("mode", ["echoed", "ignored"])
def test_40a_where_own_ids_are_not_honoured_nothing_is_sent_again(stage: Up, mode: str) -> None:
    it = stage(on("submit", SECOND, drop="handled"), service={"business_ids": mode})

    codes = [it.run().exit_code for _ in range(3)]

    assert codes == [6, 6, 6]
    assert it.states() == ["done", "done", "unsure"]
    assert it.audit().faults == []
    assert len(it.charges()) == 3


@pytest.mark.slow
def test_40b_two_clones_that_run_at_once_get_the_same_tasks(folder: Path) -> None:
    with Sandbox(folder / "service", speed=300) as sandbox:
        first = Campaign(folder=folder / "a", url=sandbox.url, jobs=6)
        shutil.copytree(first.folder, folder / "b")
        second = Campaign(folder=folder / "b", url=sandbox.url, jobs=6)
        with first.started() as one, second.started() as other:
            codes = one.wait(60), other.wait(60)
        figures = audit(first, sandbox.charges()) + audit(second, sandbox.charges())

        assert codes == (0, 0)
        assert figures.faults == []
        assert len(sandbox.charges()) == 6


def test_41_a_reset_after_the_charge_is_paid_once(stage: Up) -> None:
    it = stage(on("submit", {"every": 2}, drop="handled"), jobs=5)

    assert it.run().exit_code == 0

    assert it.posts == 5
    it.assert_all_is_well()


def test_42_half_an_answer_is_settled_wherever_it_is_cut(stage: Up) -> None:
    cuts = (0, 1, 10, 39, 40, 41, 120, 200)
    it = stage(*(on("submit", {"nth": 2 + nth}, transfer={"cut": cut}) for nth, cut in enumerate(cuts)), jobs=9)

    assert it.run().exit_code == 0

    assert it.posts == 9
    it.assert_all_is_well()


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 524])
def test_43_an_error_after_the_charge_is_paid_once(stage: Up, status: int) -> None:
    it = stage(on("submit", SECOND, reply={"status": status, "body": HTML, "handled": True}))

    assert it.run().exit_code == 0

    assert it.posts == 3
    it.assert_all_is_well()


def test_44_an_error_without_a_charge_is_sent_once_more_when_absence_is_proven(stage: Up) -> None:
    it = stage(on("submit", SECOND, reply={"status": 500, "body": HTML}))

    assert it.run().exit_code == 0

    assert it.posts == 4
    it.assert_all_is_well()


@pytest.mark.parametrize("wait", ["0.2", None, "-5", "soon", formatdate(0, usegmt=True)])
def test_45_a_throttled_submit_is_sent_again_after_its_wait(stage: Up, wait: str | None) -> None:
    headers = {"retry-after": wait} if wait else {}
    it = stage(on("submit", {"nth": 2}, reply={"status": 429, "body": "{}", "headers": headers}))

    assert it.run().exit_code == 0

    assert it.posts == 4
    it.assert_all_is_well()


@pytest.mark.parametrize("status", [401, 402, 403])
def test_46_and_47_the_account_stops_submitting_and_what_is_paid_is_collected(stage: Up, status: int) -> None:
    refused = {"status": status, "body": {"error": {"code": status, "message": "Insufficient account balance"}}}
    run = RUN.replace("posts: 2", "posts: 1")
    it = stage(on("submit", {"nth": 3, "times": 1}, reply=refused), jobs=6, run=run)

    outcome = it.run()

    assert outcome.exit_code == 8
    assert it.posts == 3
    assert it.states() == ["done", "done", "pending", "pending", "pending", "pending"]
    assert it.run().exit_code == 0
    it.assert_all_is_well()


ODD = {
    "a page": {"body": HTML},
    "nothing": {"body": ""},
    "no object": {"body": [1, 2]},
    "another object": {"body": {"ok": True}},
    "a null id": {"body": {"id": None, "status": "queued"}},
    "a number": {"body": {"id": 7, "status": "queued"}},
    "an id of 10 MB": {"body": {"id": "x" * 10_000_000, "status": "queued"}},
    "an id that is a path": {"body": {"id": "../../etc/passwd", "status": "queued"}},
}


@pytest.mark.parametrize("reply", ODD.values(), ids=ODD.keys())
def test_48_an_answer_without_a_clean_id_is_settled_by_look_up(stage: Up, reply: dict[str, object]) -> None:
    it = stage(on("submit", SECOND, reply={"status": 200, "handled": True, **reply}))

    assert it.run().exit_code == 0

    assert it.posts == 3
    it.assert_all_is_well()


def test_49_one_task_for_two_jobs_stops_the_run_for_a_human(stage: Up) -> None:
    run = RUN.replace("posts: 2", "posts: 1").replace("deadline: 8s", "deadline: 1s")
    it = stage(on("submit", reshape={"set": {"id": "tsk_same"}}), jobs=6, run=run)

    outcome = it.run()

    assert outcome.exit_code == 6
    assert it.posts == 2
    assert "of another job" in outcome.reasons[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_50_a_submit_is_never_redirected(stage: Up, status: int) -> None:
    away = {"location": "http://127.0.0.1:9/v1/videos/generations"}
    it = stage(on("submit", {"nth": 2, "times": 1}, reply={"status": status, "body": "", "headers": away}))

    codes = [it.run().exit_code for _ in range(2)]

    assert codes[-1] == 0
    it.assert_all_is_well()


RAW = {
    "garbage": "HTP/9 whatever\r\n\r\n",
    "half a status line": "HTTP/1.1 2",
    "a huge header": "HTTP/1.1 200 OK\r\nX: " + "x" * 200_000 + "\r\n\r\n",
    "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a bad chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "gzip that is none": "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    "a hundred informational answers": "HTTP/1.1 102 Processing\r\n\r\n" * 100,
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW.keys())
def test_52_what_is_no_http_is_settled_by_look_up(stage: Up, raw: str) -> None:
    it = stage(on("submit", SECOND, raw=raw))

    assert it.run().exit_code == 0

    assert it.posts == 3
    it.assert_all_is_well()


@pytest.mark.slow
def test_59_a_service_that_restarts_is_paid_once(folder: Path) -> None:
    with Sandbox(folder / "service", on("submit", delay=0.3), speed=60) as sandbox:
        campaign = Campaign(folder=folder / "c", url=sandbox.url, jobs=6)
        with campaign.started() as process:
            assert wait_until(lambda: len(sandbox.charges()) >= 2, process, every=0.05)
            port = sandbox.port
            sandbox.stop()
            time.sleep(0.5)  # out of reach, as in a restart
            sandbox.start(port)
            process.wait(60)
        said = campaign.finish()

        assert said.code == 0
        assert audit(campaign, sandbox.charges()).faults == []
        assert len(sandbox.charges()) == 6


def test_60_three_unsure_outcomes_in_a_row_stop_submitting(stage: Up) -> None:
    broken = on("submit", reply={"status": 500, "body": HTML, "handled": True})
    it = stage(broken, jobs=12, service={"business_ids": "ignored"})

    outcome = it.run()

    assert outcome.exit_code == 6
    assert it.posts <= 3 + 2
    assert it.audit().faults == []
