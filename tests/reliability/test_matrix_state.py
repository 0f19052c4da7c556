"""Rows 20 to 36 and 78 to 91 of the fault matrix that need the real command: state, disk, limits, hands of others."""

import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
from blackbox import COMMAND, Campaign, Sandbox, audit, wait_until
from blackbox_tap import Tap
from matrix import Stage, on

from kling_batch.events import Done, Event, Submitted

pytestmark = pytest.mark.slow

Up = Callable[..., Stage]


def test_14_what_breaks_in_the_midst_of_a_run_loses_nothing(stage: Up) -> None:
    it = stage()
    for nth in range(1, 40, 3):
        heard = count(1)

        def explode(_: Event, heard: Iterator[int] = heard, nth: int = nth) -> None:
            if next(heard) == nth:
                raise ZeroDivisionError

        with suppress(ZeroDivisionError, ExceptionGroup):
            it.run(explode)
        assert it.audit().faults == []

    assert it.run().exit_code == 0
    it.assert_all_is_well()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS], ids=lambda number: number.name)
def test_15_a_crash_of_the_interpreter_is_as_a_kill(folder: Path, number: signal.Signals) -> None:
    with Sandbox(folder / "service", speed=300) as sandbox:
        campaign = Campaign(folder=folder / "c", jobs=6, url=sandbox.url)
        with campaign.started(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))) as process:
            wait_until(lambda: campaign.journal.exists() and b"intended" in campaign.journal.read_bytes(), process)
            process.send_signal(number)
            assert process.wait(10) == -number

        assert campaign.finish().code == 0
        assert audit(campaign, sandbox.charges()).faults == []
        assert len(sandbox.charges()) == 6


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


DAMAGE: dict[str, Callable[[Campaign], object]] = {
    "conflict marks in the lock": lambda it: it.lock.write_text("<<<<<<< ours\n" + it.lock.read_text()),
    "a cut lock": lambda it: it.lock.write_bytes(it.lock.read_bytes()[:-20]),
    "an empty lock": lambda it: it.lock.write_bytes(b""),
    "a newer lock": lambda it: _edit(it.lock, '"version":1', '"version":2'),
    "the lock of another project": lambda it: _edit(it.lock, '"project":"c"', '"project":"d"'),
    "the lock of another service": lambda it: _edit(it.lock, "127.0.0.1", "toapis.com"),
    "an output outside of the root": lambda it: _edit(it.lock, '"hero/n0-t1.mp4"', '"../../x.mp4"'),
    "a task id that is a path": lambda it: _edit(it.lock, '"task":"tsk', '"task":"../tsk'),
    "a lock that is a folder": lambda it: (it.lock.unlink(), it.lock.mkdir()),
    "a flipped bit in the journal": lambda it: _flip(it.journal),
    "a foreign journal": lambda it: _edit(it.journal, '"project":"c"', '"project":"d"'),
    "neither lock nor journal": lambda it: (it.lock.unlink(), it.journal.unlink()),
}


def test_21_and_88_to_90_damaged_or_foreign_state_sends_nothing_and_is_not_overwritten(folder: Path) -> None:
    with Sandbox(folder / "service", speed=900) as sandbox, Tap(sandbox.port) as tap:
        whole = Campaign(folder=folder / "whole", name="c", jobs=2, url=tap.url)
        assert whole.finish().code == 0
        (whole.folder / "m.yaml").write_text((whole.folder / "m.yaml").read_text().replace("n1]", "n1, n2]"))
        asked = tap.requests
        for number, (name, damage) in enumerate(DAMAGE.items()):
            shutil.copytree(whole.folder, folder / str(number))
            it = Campaign(folder=folder / str(number), name="c", jobs=3, url=tap.url)
            damage(it)
            before = it.lock.read_bytes() if it.lock.is_file() else None

            said = it.finish()

            assert (name, said.code, tap.requests) == (name, 6, asked), said.err
            assert "= help:" in said.err
            assert (it.lock.read_bytes() if it.lock.is_file() else None) == before


@contextmanager
def small_disk(path: Path, options: str) -> Iterator[None]:
    """Mount a file system of a few pages there, where this machine allows it."""
    path.mkdir(parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", options, "none", str(path)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("NOT RUN: only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)  # noqa: S607 - as above


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)  # noqa: S607 - as above


def test_22_a_full_disk_buys_nothing(folder: Path) -> None:
    disk = folder / "disk"
    with Sandbox(folder / "service", speed=900) as sandbox, Tap(sandbox.port) as tap, small_disk(disk, "size=256k"):
        campaign = Campaign(folder=disk / "c", jobs=3, url=tap.url)
        filler = disk / "filler"
        filler.write_bytes(bytes(256 * 1024 - 4096 * 8))

        with campaign.started(stdout=subprocess.DEVNULL) as process:
            assert process.wait(60) == 6
        assert tap.posts == 0

        filler.unlink()
        assert campaign.finish().code == 0
        assert audit(campaign, sandbox.charges()).faults == []


def test_24_a_disk_that_fills_up_in_a_download_keeps_what_is_paid(folder: Path) -> None:
    disk = folder / "c" / "out"
    with Sandbox(folder / "service", speed=900, clip_bytes=300_000) as sandbox, small_disk(disk, "size=700k"):
        campaign = Campaign(folder=folder / "c", jobs=3, url=sandbox.url)

        with campaign.started() as process:
            assert wait_until(lambda: any(disk.rglob("*.mp4")), process)
            process.terminate()  # it would try again for a while
            process.wait(90)
        campaign.finish("--only", "hero/n=n0#1")
        assert audit(campaign, sandbox.charges()).wrong_files == 0

        remount(disk, "size=8m")
        assert campaign.finish().code == 0
        assert audit(campaign, sandbox.charges()).faults == []
        assert len(sandbox.charges()) == 3


def test_25_a_disk_without_inodes_buys_nothing_twice(folder: Path) -> None:
    disk = folder / "disk"
    with Sandbox(folder / "service", speed=900) as sandbox, small_disk(disk, "size=8m,nr_inodes=9"):
        campaign = Campaign(folder=disk / "c", jobs=3, url=sandbox.url)
        with campaign.started(stdout=subprocess.DEVNULL) as process:
            assert process.wait(90) in (5, 6)

        remount(disk, "nr_inodes=900")
        assert campaign.finish().code == 0
        assert audit(campaign, sandbox.charges()).faults == []
        assert len(sandbox.charges()) == 3


def test_27_a_disk_that_turned_read_only_buys_nothing(folder: Path) -> None:
    disk = folder / "disk"
    with Sandbox(folder / "service", speed=900) as sandbox, Tap(sandbox.port) as tap, small_disk(disk, "size=8m"):
        campaign = Campaign(folder=disk / "c", jobs=3, url=tap.url)
        remount(disk, "ro")

        command = [*COMMAND, "run", "m.yaml", "--yes"]
        environment = campaign.environment()
        done = subprocess.run(command, cwd=campaign.folder, env=environment, capture_output=True, check=False)

        assert done.returncode == 6
        assert b"bug" not in done.stderr
        assert tap.posts == 0


def test_26_a_limit_on_file_sizes_makes_no_bad_file(folder: Path) -> None:
    with Sandbox(folder / "service", speed=900, clip_bytes=300_000) as sandbox:
        campaign = Campaign(folder=folder / "c", jobs=1, url=sandbox.url)
        limit = 200_000
        with campaign.started(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) as process:
            wait_until(lambda: any(campaign.folder.rglob("*.part")), process)
            process.terminate()
            process.wait(60)
        assert audit(campaign, sandbox.charges()).faults == []

        assert campaign.finish().code == 0
        assert len(sandbox.charges()) == 1


@pytest.mark.parametrize("most", [16, 24, 40])
def test_31_too_few_open_files_end_the_run_and_buy_nothing_twice(folder: Path, most: int) -> None:
    with Sandbox(folder / "service", speed=900) as sandbox:
        campaign = Campaign(folder=folder / "c", jobs=12, url=sandbox.url)
        with campaign.started(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))) as process:
            process.wait(90)

        assert campaign.finish().code == 0
        assert audit(campaign, sandbox.charges()).faults == []
        assert len(sandbox.charges()) == 12


def test_27_a_read_only_output_folder_keeps_what_is_paid(folder: Path) -> None:
    disk = folder / "c" / "out"
    with Sandbox(folder / "service", speed=900) as sandbox, small_disk(disk, "size=8m"):
        remount(disk, "ro")
        campaign = Campaign(folder=folder / "c", jobs=3, url=sandbox.url)
        with campaign.started() as process:
            assert wait_until(lambda: len(sandbox.charges()) == 3, process, every=0.05)
            process.terminate()  # it would try again for a while
            process.wait(60)

        remount(disk, "rw")
        assert campaign.finish().code == 0
        assert audit(campaign, sandbox.charges()).faults == []
        assert len(sandbox.charges()) == 3


def test_33_an_output_folder_that_is_deleted_in_mid_run_loses_no_task(stage: Up) -> None:
    it = stage(jobs=4)

    def meddle(event: Event) -> None:
        if isinstance(event, Done) and event.key == "hero/n=n0#1":
            shutil.rmtree(it.campaign.folder / "out")

    outcome = it.run(meddle)

    assert outcome.exit_code in (0, 5)
    assert it.run().exit_code == 0
    assert it.states() == ["done"] * 4
    assert len(it.charges()) == 4
    assert it.audit().forgotten == 0


@pytest.mark.parametrize("jump", [-3600, 86_400, -1_700_000_000, 500_000_000])
def test_83_a_clock_that_jumps_to_and_fro_changes_nothing(stage: Up, jump: int) -> None:
    it = stage()
    asked = count()
    it.wall = lambda: time.time() + jump * (next(asked) % 2)

    assert it.run().exit_code == 0

    it.assert_all_is_well()


@pytest.mark.parametrize("how", ["deleted", "cut"])
def test_34_a_journal_that_another_program_touches_stops_submitting(stage: Up, how: str) -> None:
    it = stage(on("submit", task={"seconds": 0.3}), jobs=8)

    def meddle(event: Event) -> None:
        if isinstance(event, Submitted) and it.campaign.journal.exists():
            it.campaign.journal.unlink() if how == "deleted" else os.truncate(it.campaign.journal, 100)

    with pytest.raises(Exception, match="journal"):
        it.run(meddle)

    assert len(it.charges()) <= 3  # what was on the wire
    assert it.audit().forgotten == 0


def test_87_a_manifest_that_is_edited_in_mid_run_changes_nothing_in_it(stage: Up) -> None:
    it = stage()
    manifest = it.campaign.folder / "m.yaml"

    def meddle(event: Event) -> None:
        if isinstance(event, Submitted):
            manifest.write_text(manifest.read_text().replace("cup", "jug"))

    assert it.run(meddle).exit_code == 0

    assert {charge["prompt"] for charge in it.charges()} == {"c: cup n0", "c: cup n1", "c: cup n2"}


def test_88_a_lock_that_git_takes_back_in_mid_run_loses_no_task(stage: Up) -> None:
    it = stage()

    def meddle(event: Event) -> None:
        if isinstance(event, Submitted):
            lock = json.loads(it.campaign.lock.read_text())
            it.campaign.lock.write_text(json.dumps({**lock, "jobs": {}}))

    assert it.run(meddle).exit_code == 0

    it.assert_all_is_well()
