"""Files held against the lock, and fetched again where they are gone: no lock is changed, nothing is submitted."""

import hashlib
import json
from functools import partial
from pathlib import Path

import pytest
import virtual_time
from campaigns import Bench, at_once

import kling_batch
from kling_batch.plan.record import Record
from kling_batch.run import refetching, verifying
from kling_batch.run.verifying import Finding, Trouble
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import World


@pytest.fixture
def made(bench: Bench) -> Bench:
    bench.write(3)
    bench.run()
    return bench


def found(bench: Bench, *only: str) -> tuple[Finding, ...]:
    return verifying.verify(bench.campaign(), kling_batch.state(bench.campaign()), only)


def troubles(findings: tuple[Finding, ...]) -> list[Trouble | None]:
    return [file.trouble for file in findings]


def fetched(bench: Bench, backend: str = "asyncio") -> tuple[Finding, ...]:
    work = partial(refetching.fetch, bench.campaign(), found(bench), bench.service, offload=at_once)
    return virtual_time.run(work, backend=backend)


def video(bench: Bench, name: str = "n0") -> Path:
    return bench.folder / f"out/hero/{name}-t1.mp4"


def records(bench: Bench) -> list[Record]:
    return list(kling_batch.state(bench.campaign()).jobs.values())


def test_files_as_they_were_made_are_sound(made: Bench) -> None:
    assert troubles(found(made)) == [None, None, None]
    assert len(found(made, "hero/n=n1")) == 1


@pytest.mark.parametrize(
    ("spoil", "trouble"),
    [
        (lambda path: path.unlink(), Trouble.MISSING),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), Trouble.CHANGED),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"), Trouble.CHANGED),
        (lambda path: path.with_name(f"{path.name}.json").unlink(), Trouble.UNLABELLED),
        (lambda path: path.with_name(f"{path.name}.json").write_text('{"task":"tsk_x"}'), Trouble.MISLABELLED),
        (lambda path: (path.rename(path.with_suffix(".x")), path.symlink_to(path.with_suffix(".x"))), Trouble.CHANGED),
    ],
    ids=["gone", "shorter", "other bytes", "no sidecar", "sidecar of another", "a link"],
)
def test_what_is_not_as_it_was_made_is_named(made: Bench, spoil: object, trouble: Trouble) -> None:
    spoil(video(made))  # type: ignore[operator]  # a table of what can be done to a path

    assert troubles(found(made)) == [trouble, None, None]


def test_a_file_whose_record_was_accepted_but_which_does_not_walk_is_damaged(made: Bench) -> None:
    first = records(made)[0]
    text = made.campaign().places.lock.read_text()
    spoilt = b"<html>" + video(made).read_bytes()[6:]
    video(made).write_bytes(spoilt)
    made.campaign().places.lock.write_text(text.replace(str(first.sha256), hashlib.sha256(spoilt).hexdigest()))
    made.campaign().places.journal.unlink()

    assert troubles(found(made)) == [Trouble.DAMAGED, None, None]


def test_what_is_missing_is_fetched_again_and_nothing_else_is_touched(made: Bench, backend: str) -> None:
    lock, posts = made.campaign().places.lock.read_bytes(), list(made.service.posts)
    before = video(made).read_bytes()
    for name in ("n0", "n2"):
        video(made, name).unlink()
        video(made, name).with_name(f"{name}-t1.mp4.json").unlink()

    after = fetched(made, backend)

    assert troubles(after) == [None, None, None]
    assert video(made).read_bytes() == before
    assert (made.campaign().places.lock.read_bytes(), made.service.posts) == (lock, posts)
    assert json.loads(video(made).with_name("n0-t1.mp4.json").read_text())["request"]["prompt"] == "a cup n0"


def test_a_sidecar_is_written_again_without_asking(made: Bench) -> None:
    video(made).with_name("n0-t1.mp4.json").unlink()
    asked = len(made.service.requests)

    after = fetched(made)

    assert (troubles(after), len(made.service.requests)) == ([None, None, None], asked)
    assert json.loads(video(made).with_name("n0-t1.mp4.json").read_text())["service"] == made.campaign().service


def test_an_orphans_file_is_fetched_too(made: Bench) -> None:
    video(made, "n2").unlink()
    made.write(1)

    assert troubles(fetched(made)) == [None, None, None]


def test_a_file_of_an_earlier_generation_is_looked_at_and_fetched(made: Bench) -> None:
    made.manifest.write_text(made.manifest.read_text().replace("a cup", "a jug"))
    made.run()
    kept = next(path for path in (made.folder / "out/hero").glob("n0-t1~*.mp4"))
    kept.unlink()

    assert len(found(made)) == 6
    assert troubles(found(made)).count(Trouble.MISSING) == 1
    assert not any(troubles(fetched(made)))


@pytest.mark.parametrize("word", ["lost", "500", "429"])
def test_a_look_that_goes_wrong_is_repeated(made: Bench, word: str) -> None:
    video(made).unlink()
    script = [word, word]
    made.service.trouble = lambda operation, _name: script.pop() if operation == "look" and script else ""

    assert not any(troubles(fetched(made)))


@pytest.mark.parametrize("word", ["cut", "403", "html"])
def test_a_download_that_goes_wrong_is_repeated(made: Bench, word: str) -> None:
    video(made).unlink()
    script = [word, word]
    made.service.trouble = lambda operation, _name: script.pop() if operation == "download" and script else ""

    assert not any(troubles(fetched(made)))


def test_what_the_service_has_forgotten_stays_missing_and_says_why(made: Bench) -> None:
    video(made).unlink()
    made.service.world = World(Terms())

    file = fetched(made)[0]

    assert (file.trouble, file.record.state.value) == (Trouble.MISSING, "done")
    assert "the service has no video of task" in file.why


def test_a_dead_link_leaves_the_record_done(made: Bench) -> None:
    video(made).unlink()
    made.service.trouble = lambda operation, _name: "403" if operation == "download" else ""

    file = fetched(made)[0]

    assert file.trouble is Trouble.MISSING
    assert "it is gone" in file.why
    assert {record.state.value for record in records(made)} == {"done"}


def test_another_video_than_the_recorded_one_is_not_believed(made: Bench) -> None:
    first = records(made)[0]
    lock = made.campaign().places.lock
    lock.write_text(lock.read_text().replace(str(first.sha256), "0" * 64))
    made.campaign().places.journal.unlink()
    video(made).unlink()

    file = fetched(made)[0]

    assert file.trouble is Trouble.MISSING
    assert "kept as `.suspect`" in file.why
    assert video(made).with_name("n0-t1.mp4.suspect").is_file()


def test_a_file_in_the_way_is_never_overwritten(made: Bench) -> None:
    video(made).write_bytes(b"mine")

    after = fetched(made)

    assert after[0].trouble is Trouble.CHANGED
    assert video(made).read_bytes() == b"mine"
