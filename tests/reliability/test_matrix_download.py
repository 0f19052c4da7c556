"""Rows 68 to 77 of the fault matrix: what can go wrong with a download, over real HTTP; no final name holds a half."""

import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from matrix import HASTY, Stage, on

from kling_batch.api.client_settings import Settings
from kling_batch.events import Event, Submitted

Up = Callable[..., Stage]
LARGE = {"clip_bytes": 300_000}
PACE = {"bytes_per_second": 2_000_000}  # so that all bytes before a cut have come when it does
CUT = on("download", {"nth": 1}, transfer={"cut": 100_000, **PACE})
SECOND = {"nth": 2, "times": 1}
SMALL = Settings(connect=2, read=1, look_deadline=2, submit_deadline=2, most_bytes=1_000_000)


def test_68_a_download_that_is_cut_again_and_again_is_resumed(stage: Up) -> None:
    it = stage(on("download", {"times": 4}, transfer={"cut": 65_536, **PACE}), jobs=1, service=LARGE)

    assert it.run().exit_code == 0

    it.assert_all_is_well()


@pytest.mark.parametrize("cut", [0, 1, 7, 1000, 11_000])
def test_68_a_download_cut_anywhere_is_resumed(stage: Up, cut: int) -> None:
    it = stage(on("download", {"times": 2}, transfer={"cut": cut, **PACE}))

    assert it.run().exit_code == 0

    it.assert_all_is_well()


SPLICES = {
    "the range ignored": {"whole": True},
    "another range": {"headers": {"content-range": "bytes 50-299999/300000"}},
    "another length": {"headers": {"content-range": "bytes 100000-299999/400000"}},
    "no range told": {"headers": {"content-range": None}},
    "another version": {"headers": {"etag": '"another"'}},
    "a weak version": {"headers": {"etag": 'W/"weak"'}},
    "no version": {"headers": {"etag": None}},
    "416": {"reply": {"status": 416, "body": ""}},
    "a piece of another file": {
        "reply": {"status": 206, "body": "x" * 41, "headers": {"content-range": "bytes 100000-100040/100041"}},
        "transfer": {"cut": 20, **PACE},
    },
}


@pytest.mark.parametrize("do", SPLICES.values(), ids=SPLICES.keys())
def test_69_no_two_versions_are_spliced(stage: Up, do: dict[str, object]) -> None:
    it = stage(CUT, on("download", SECOND, **do), jobs=1, service=LARGE)

    assert it.run().exit_code == 0

    it.assert_all_is_well()


def test_70_a_body_without_a_length_that_is_cut_never_becomes_a_file(stage: Up) -> None:
    it = stage(on("download", {"times": 2}, transfer={"length": -1, "cut": 9000}), jobs=1)

    assert it.run().exit_code == 0

    it.assert_all_is_well()


@pytest.mark.parametrize("kind", ["text/html", "video/mp4"])
def test_71_an_error_page_never_becomes_a_file(stage: Up, kind: str) -> None:
    page = {"status": 200, "body": "<html>sorry</html>", "headers": {"content-type": kind}}
    it = stage(on("download", {"times": 2}, reply=page))

    assert it.run().exit_code == 0

    it.assert_all_is_well()


@pytest.mark.parametrize("status", [403, 404, 410])
def test_72_a_refused_link_is_asked_for_anew(stage: Up, status: int) -> None:
    it = stage(on("download", {"times": 2}, reply={"status": status, "body": ""}))

    assert it.run().exit_code == 0

    it.assert_all_is_well()


def test_73_a_compressed_bomb_is_not_unpacked(stage: Up) -> None:
    it = stage(on("download", {"times": 1}, reply={"status": 200, "bomb": 200_000_000}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert it.run().exit_code == 0

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB; the service makes it in here too
    it.assert_all_is_well()


def test_74_an_endless_body_is_cut_at_the_cap(stage: Up) -> None:
    it = stage(on("download", {"times": 1}, transfer={"endless": True}), jobs=1, settings=SMALL)
    largest = 0

    def watch(_: Event) -> None:
        nonlocal largest
        largest = max([largest, *(path.stat().st_size for path in it.out.glob("*.part"))])

    assert it.run(watch).exit_code == 0

    assert largest <= 2_100_000  # the cap, and what one write gathers
    it.assert_all_is_well()


@pytest.mark.parametrize("length", [5000, 20_000, 3_000_000_000])
def test_74_a_length_that_lies_never_makes_a_file(stage: Up, length: int) -> None:
    it = stage(on("download", {"times": 1}, transfer={"length": length}), jobs=1)

    assert it.run().exit_code == 0

    it.assert_all_is_well()


def test_75_a_crawling_download_is_given_up_and_resumed(stage: Up) -> None:
    it = stage(on("download", {"times": 1}, transfer={"bytes_per_second": 500}), jobs=1, settings=HASTY)

    assert it.run().exit_code == 0

    it.assert_all_is_well()


ASTRAY = {
    "metadata": "http://169.254.169.254/latest/meta-data",
    "a file": "file:///etc/passwd",
    "ftp": "ftp://127.0.0.1/x",
    "a user name": "http://a:b@127.0.0.1/x",
    "nowhere": "http://127.0.0.1:9/x",
    "no URL": "http://[::bad",
}


@pytest.mark.parametrize("location", ASTRAY.values(), ids=ASTRAY.keys())
def test_76_a_redirect_astray_is_not_followed_and_the_job_is_still_collected(stage: Up, location: str) -> None:
    away = {"status": 302, "body": "", "headers": {"location": location}}
    it = stage(on("download", {"times": 1}, reply=away), jobs=1)

    assert it.run().exit_code == 0

    it.assert_all_is_well()


WAYS: dict[str, Callable[[Path, Path], object]] = {
    "a file": lambda path, _: path.write_text("mine"),
    "a folder": lambda path, _: path.mkdir(),
    "a link": lambda path, outside: path.symlink_to(outside / "stolen.mp4"),
    "a part that is a link": lambda path, outside: path.with_name(f"{path.name}.part").symlink_to(outside / "stolen"),
    "a sidecar that is a link": lambda path, outside: path.with_name(f"{path.name}.json").symlink_to(outside / "s"),
}


@pytest.mark.parametrize("put", WAYS.values(), ids=WAYS.keys())
def test_77_what_somebody_puts_in_the_way_is_not_touched_and_nothing_is_written_outside(
    stage: Up, folder: Path, put: Callable[[Path, Path], object]
) -> None:
    outside = folder / "outside"
    outside.mkdir()
    it = stage(on("submit", task={"seconds": 0.3}), jobs=1)

    def meddle(event: Event) -> None:
        if isinstance(event, Submitted):
            it.out.mkdir(parents=True)
            put(it.out / "n0-t1.mp4", outside)

    it.run(meddle)

    assert list(outside.iterdir()) == []
    if it.states() != ["done"]:
        shutil.rmtree(it.out)
        assert it.run().exit_code == 0
        assert it.posts == 0
    it.assert_all_is_well()


def test_77_a_folder_that_becomes_a_link_leads_nowhere(stage: Up, folder: Path) -> None:
    outside = folder / "outside"
    outside.mkdir()
    it = stage(on("submit", task={"seconds": 0.3}), jobs=1)

    def meddle(event: Event) -> None:
        if isinstance(event, Submitted):
            it.out.parent.mkdir()
            it.out.symlink_to(outside)

    it.run(meddle)

    assert list(outside.iterdir()) == []
    it.out.unlink()
    assert it.run().exit_code == 0
    it.assert_all_is_well()
