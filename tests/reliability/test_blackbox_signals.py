"""Signals, closed pipes and second runners, on the real command: what a person or a CI does to a run."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blackbox import Campaign, Sandbox, audit, wait_until

pytestmark = pytest.mark.slow

NULL = subprocess.DEVNULL
SOFT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SLOW = {"on": "submit", "do": {"delay": 0.2}}
NEVER = {"on": "submit", "do": {"hang": "handled"}}


@pytest.fixture
def service(folder: Path) -> Iterator[Sandbox]:
    """A healthy service, slow enough to be interrupted."""
    with Sandbox(folder / "service", SLOW, speed=200) as sandbox:
        yield sandbox


@pytest.fixture
def campaign(folder: Path, service: Sandbox) -> Campaign:
    return Campaign(folder=folder / "c", url=service.url, jobs=8)


def reached(campaign: Campaign, event: str, times: int = 1) -> Callable[[], bool]:
    """Say whether the journal of a campaign has so many of these events."""
    word = f'"event":"{event}"'.encode()
    return lambda: campaign.journal.exists() and campaign.journal.read_bytes().count(word) >= times


def unsure(campaign: Campaign) -> int:
    return sum(record["state"] == "unsure" for record in campaign.records().values())


@pytest.mark.parametrize("number", SOFT, ids=lambda number: number.name)
@pytest.mark.parametrize("times", [1, 4])
def test_one_signal_ends_in_good_order_and_leaves_nothing_unsure(
    campaign: Campaign, service: Sandbox, number: signal.Signals, times: int
) -> None:
    with campaign.started() as process:
        assert wait_until(reached(campaign, "intended", times), process)
        process.send_signal(number)
        code = process.wait(10)

    assert code == 130
    assert unsure(campaign) == 0
    assert f"interrupted by {number.name}" in campaign.said(code).out
    assert audit(campaign, service.charges()).faults == []
    assert campaign.finish().code == 0
    assert len(service.charges()) == campaign.jobs


def test_many_runs_stopped_softly_leave_nothing_unsure(folder: Path) -> None:
    with Sandbox(folder / "service", {"on": "submit", "do": {"delay": 0.05}}, speed=300) as sandbox:
        campaign = Campaign(folder=folder / "c", url=sandbox.url, jobs=40)
        codes = []
        for number in range(8):
            with campaign.started() as process:
                wait_until(reached(campaign, "intended", 3 * number + 1), process)
                process.send_signal(SOFT[number % 3])
                codes.append(process.wait(20))
            assert unsure(campaign) == 0
        figures = audit(campaign, sandbox.charges())

    assert set(codes) <= {130, 0}
    assert codes.count(130) >= 5
    assert figures.faults == []


def test_the_second_signal_ends_at_once_and_leaves_at_most_the_posts_in_flight_unsure(folder: Path) -> None:
    with Sandbox(folder / "service", {**NEVER, "when": {"prompt": "n3"}}, speed=60) as sandbox:
        campaign = Campaign(folder=folder / "c", url=sandbox.url, jobs=4)
        with campaign.started() as process:
            assert wait_until(reached(campaign, "intended", 4), process)
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)  # two Ctrl-C of one person are two
            process.send_signal(signal.SIGINT)
            code = process.wait(10)  # the first alone would let it take 60 seconds
        figures = audit(campaign, sandbox.charges())

    assert code == 130
    assert figures.unsure <= 1
    assert figures.faults == []


def test_a_signal_and_then_a_kill_pays_nothing_twice(campaign: Campaign, service: Sandbox) -> None:
    with campaign.started() as process:
        assert wait_until(reached(campaign, "intended", 3), process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)  # as a CI that loses patience
        process.kill()

    assert campaign.finish().code == 0
    assert audit(campaign, service.charges()).faults == []


def test_in_a_ci_a_stop_takes_seven_seconds_at_most(folder: Path) -> None:
    with Sandbox(folder / "service", {**NEVER, "when": {"nth": 2}}, speed=60) as sandbox:
        campaign = Campaign(folder=folder / "c", url=sandbox.url, jobs=3)
        with campaign.started(env={"CI": "true"}) as process:
            assert wait_until(reached(campaign, "intended", 3), process)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            code = process.wait(30)  # without a limit of its own it would be 60
            seconds = time.monotonic() - began
        figures = audit(campaign, sandbox.charges())

    assert code == 130
    assert seconds > 6
    assert figures.unsure == 1
    assert figures.faults == []


def test_a_reader_that_goes_away_after_one_line_stops_nothing(campaign: Campaign, service: Sandbox) -> None:
    with campaign.started(stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        code = process.wait(60)

    assert code == 0
    assert audit(campaign, service.charges()).faults == []
    assert len(service.charges()) == campaign.jobs


def test_a_terminal_that_goes_away_stops_in_good_order(campaign: Campaign, service: Sandbox) -> None:
    ours, theirs = os.openpty()

    with campaign.started(stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        assert wait_until(reached(campaign, "intended", 2), process)
        process.send_signal(signal.SIGHUP)  # what the kernel does as the terminal closes
        os.close(ours)
        code = process.wait(10)

    assert code == 130
    assert unsure(campaign) == 0
    assert campaign.finish().code == 0
    assert audit(campaign, service.charges()).faults == []


def test_a_run_that_slept_goes_on_without_a_storm(campaign: Campaign, service: Sandbox) -> None:
    with campaign.started() as process:
        assert wait_until(reached(campaign, "submitted", 3), process)
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.5)  # asleep, while its tasks end
        process.send_signal(signal.SIGCONT)
        code = process.wait(60)

    assert code == 0
    assert audit(campaign, service.charges()).faults == []
    assert len(service.charges()) == campaign.jobs


def test_of_two_runners_one_runs_and_the_other_says_at_once_who_it_is(folder: Path) -> None:
    with Sandbox(folder / "service", {**NEVER, "when": {"nth": 1}}, speed=300) as sandbox:
        campaign = Campaign(folder=folder / "c", url=sandbox.url, jobs=3)
        with campaign.started() as first:
            assert wait_until(reached(campaign, "intended"), first)
            second = campaign.finish()
            assert second.code == 7
            assert f"process {first.pid}" in second.err
            first.kill()
            first.wait()

        assert campaign.finish().code == 0  # the dead one holds nothing
        assert audit(campaign, sandbox.charges()).faults == []
        assert len(sandbox.charges()) == 3


def test_of_five_runners_at_once_one_pays(campaign: Campaign, service: Sandbox) -> None:
    with campaign.started() as first:
        crowd = [
            subprocess.Popen(first.args, cwd=campaign.folder, env=campaign.environment(), stdout=NULL, stderr=NULL)
            for _ in range(4)
        ]
        codes = sorted([first.wait(60), *(each.wait(60) for each in crowd)])

    assert codes.count(7) == 4
    assert codes.count(0) == 1
    assert audit(campaign, service.charges()).faults == []
    assert len(service.charges()) == campaign.jobs
