"""A lock that is lost is rebuilt, and no run pays again for anything that was found."""

import json
import random
import shutil
from functools import partial

import pytest
import virtual_time
from campaigns import Bench
from pretended import Pretended

import kling_batch
from kling_batch.errors import AccountError, StateError
from kling_batch.events import Event, Intended, Submitted
from kling_batch.job import Key
from kling_batch.plan.diff import Action
from kling_batch.plan.record import Record, State, committed
from kling_batch.run import recovering
from kling_batch.run.holding import journal
from kling_batch.run.recovering import Recovery
from kling_batch.run.runner import Run
from kling_batch.sandbox.task import Fate
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import World


def lose(bench: Bench, *, journal: bool = True) -> None:
    places = bench.campaign().places
    places.lock.unlink(missing_ok=True)
    if journal:
        shutil.rmtree(places.own)


def recover(bench: Bench, *, backend: str = "asyncio", ask: bool = True) -> Recovery:
    campaign = bench.campaign()
    with kling_batch.hold(campaign):
        found = recovering.recover(campaign)
        if ask:
            virtual_time.run(partial(recovering.ask, found, bench.service), backend=backend)
        recovering.write(found)
    return found


def records(bench: Bench) -> dict[Key, Record]:
    return dict(kling_batch.state(bench.campaign()).jobs)


@pytest.fixture
def made(bench: Bench) -> Bench:
    bench.write(3)
    bench.run()
    return bench


def test_a_lock_is_rebuilt_from_the_sidecars_and_checksums_alone(made: Bench) -> None:
    before = records(made)
    lose(made)

    recover(made, ask=False)

    assert records(made) == before
    assert all(change.action is Action.KEEP for change in made.plan().changes)


def test_the_next_run_after_a_recovery_pays_for_nothing(made: Bench, backend: str) -> None:
    posts = list(made.service.posts)
    lose(made)

    found = recover(made, backend=backend)
    outcome = made.run(backend=backend)

    assert (outcome.exit_code, made.service.posts, found.unknown) == (0, posts, ())
    assert found.lock.look_up is not None


def test_what_was_in_flight_is_found_by_its_business_id(bench: Bench, backend: str) -> None:
    bench.write(3, run="deadline: 30s")
    bench.service.fate = lambda _body: Fate(seconds=70.0)
    bench.run()
    lose(bench)

    found = recover(bench, backend=backend)
    resumed = bench.run(backend=backend, clock=lambda: bench.service.epoch)

    assert {record.state for record in found.lock.jobs.values()} == {State.SUBMITTED}
    assert (resumed.exit_code, len(bench.service.posts)) == (0, 3)


def test_jobs_that_nobody_bought_are_told_and_bought_by_the_next_run(made: Bench) -> None:
    made.write(5)
    lose(made)

    found = recover(made)
    outcome = made.run()

    assert found.unknown == ("hero/n=n3#1", "hero/n=n4#1")
    assert (outcome.exit_code, len(made.service.posts)) == (0, 5)


def test_without_the_service_what_is_in_flight_stays_unknown(bench: Bench) -> None:
    bench.write(2, run="deadline: 30s")
    bench.service.fate = lambda _body: Fate(seconds=70.0)
    bench.run()
    lose(bench)
    requests = len(bench.service.requests)

    found = recover(bench, ask=False)

    assert (len(found.unknown), found.asked, len(bench.service.requests)) == (2, False, requests)


def test_later_attempts_and_generations_are_found(bench: Bench) -> None:
    bench.write(1)
    fates = [Fate(code="x", message="upstream overload"), Fate(code="x", message="upstream overload"), None]
    bench.service.fate = lambda _body: fates.pop(0) if fates else None
    bench.run()
    bench.run()
    shutil.rmtree(bench.folder / "out")
    lose(bench)

    recover(bench)

    (record,) = records(bench).values()
    assert (record.attempt, record.state) == (3, State.SUBMITTED)
    assert [each.attempt for each in record.attempts] == [1, 2]
    assert bench.run(clock=lambda: bench.service.epoch).exit_code == 0
    assert len(bench.service.posts) == 3


def test_superseded_generations_come_back_as_the_past(made: Bench) -> None:
    made.manifest.write_text(made.manifest.read_text().replace("a cup", "a jug"))
    made.run()
    before = records(made)
    lose(made)

    recover(made)
    made.manifest.write_text(made.manifest.read_text().replace("a jug", "a cup"))
    plan = made.plan()

    assert {key: record.sha256 for key, record in records(made).items()} == {
        key: record.sha256 for key, record in before.items()
    }
    assert {change.action for change in plan.changes} == {Action.RESTORE}
    assert committed(records(made)) == committed(before)


def test_a_renamed_job_is_recognised_by_its_request(made: Bench) -> None:
    posts = list(made.service.posts)
    made.manifest.write_text(made.manifest.read_text().replace("  hero:", "  heroine:"))
    made.run()
    lose(made)

    recover(made)
    outcome = made.run()
    again = made.plan()

    assert (outcome.exit_code, made.service.posts) == (0, posts)
    assert {change.action for change in again.changes} == {Action.KEEP}


def test_a_journal_that_is_left_is_read_first(made: Bench) -> None:
    before = records(made)
    shutil.rmtree(made.folder / "out")
    lose(made, journal=False)

    found = recover(made, ask=False)

    assert (found.facts, records(made)) == ([], before)


def test_a_journal_that_never_knew_all_is_joined_with_the_files(made: Bench) -> None:
    before = records(made)
    shutil.rmtree(made.campaign().places.own)
    made.write(5)
    made.run()
    lose(made, journal=False)

    with pytest.raises(StateError, match="does not know all"):
        made.plan()
    found = recover(made)

    assert {key: record.sha256 for key, record in records(made).items() if key in before} == {
        key: record.sha256 for key, record in before.items()
    }
    assert (len(found.files), found.unknown, len(made.service.posts)) == (3, (), 5)
    assert made.run().exit_code == 0
    assert len(made.service.posts) == 5


def test_a_sidecar_whose_video_is_gone_or_damaged_still_tells_its_task(made: Bench) -> None:
    (made.folder / "out/hero/n0-t1.mp4").unlink()
    (made.folder / "out/hero/n1-t1.mp4").write_bytes(b"no video")
    lose(made)

    recover(made, ask=False)

    states = [record.state for record in records(made).values()]
    assert states == [State.SUBMITTED, State.SUBMITTED, State.DONE]
    made.run()
    assert len(made.service.posts) == 3
    assert (made.folder / "out/hero/n1-t1.mp4").read_bytes() == b"no video"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"project": "another"},
        {"service": "sandbox"},
        {"spec": "v1:zz"},
        {"generation": 0},
        {"task": "a b"},
        {"task": 7},
        {"key": "a\nb"},
        {"business_id": "../x"},
        {"key": None},
    ],
)
def test_a_sidecar_that_is_not_ours_is_left_alone(made: Bench, spoilt: dict[str, object]) -> None:
    path = made.folder / "out/hero/n0-t1.mp4.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | spoilt))
    lose(made)

    recover(made, ask=False)

    assert len(records(made)) == 2


def test_a_sidecar_of_before_that_names_no_service_is_ours(made: Bench) -> None:
    for path in (made.folder / "out/hero").glob("*.json"):
        beside = json.loads(path.read_text())
        assert beside.pop("service") == made.campaign().service
        path.write_text(json.dumps(beside))
    lose(made)

    recover(made, ask=False)

    assert {record.state for record in records(made).values()} == {State.DONE}


def test_videos_of_another_service_below_the_same_root_do_not_hold_a_first_run_up(made: Bench) -> None:
    for path in (made.folder / "out/hero").glob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"service": "sandbox"}))
    lose(made)

    campaign = made.campaign()
    with kling_batch.hold(campaign), journal(campaign, kling_batch.plan(campaign)) as (lock, _):
        assert not lock.jobs


def test_a_copy_of_a_video_does_not_give_its_task_to_two_jobs(made: Bench) -> None:
    for suffix in ("", ".json"):
        shutil.copy(made.folder / f"out/hero/n0-t1.mp4{suffix}", made.folder / f"out/hero/copy.mp4{suffix}")
    lose(made)

    recover(made, ask=False)

    assert len({record.task for record in records(made).values()}) == len(records(made)) == 3


def test_a_lock_that_is_there_is_never_overwritten(made: Bench) -> None:
    lock = made.campaign().places.lock.read_bytes()

    with pytest.raises(StateError, match="never overwritten"):
        recover(made)

    assert made.campaign().places.lock.read_bytes() == lock


def test_a_damaged_lock_is_not_overwritten_either(made: Bench) -> None:
    made.campaign().places.lock.write_bytes(b"")

    with pytest.raises(StateError, match="cannot be used"):
        recover(made)

    assert made.campaign().places.lock.read_bytes() == b""


@pytest.mark.parametrize(("word", "error"), [("401", AccountError), ("500", StateError), ("lost", StateError)])
def test_where_the_service_does_not_answer_nothing_is_written(made: Bench, word: str, error: type[Exception]) -> None:
    lose(made)
    made.service.trouble = lambda operation, _name: word if operation == "look" else ""

    with pytest.raises(error, match="nothing was written"):
        recover(made)

    assert not made.campaign().places.lock.exists()


@pytest.mark.parametrize("word", ["500", "429", "lost"])
def test_a_look_up_that_goes_wrong_is_repeated(made: Bench, word: str) -> None:
    lose(made)
    script = [word] * 3
    made.service.trouble = lambda operation, _name: script.pop() if operation == "look" and script else ""

    assert recover(made).unknown == ()


def test_where_nothing_is_left_nothing_is_found(bench: Bench) -> None:
    bench.write(2)

    found = recover(bench)

    assert (found.facts, len(found.unknown)) == ([], 2)
    assert not bench.campaign().places.lock.exists()


@pytest.mark.parametrize("seed", range(30))
def test_no_campaign_pays_twice_after_its_lock_and_journal_are_lost(bench: Bench, seed: int) -> None:
    dice = random.Random(seed)
    bench.write(dice.randint(1, 6), run=f"posts: {dice.randint(1, 4)}, deadline: {dice.choice([30, 600])}s")
    bench.service = Pretended(World(Terms()), fate=lambda _body: dice.choice([None, Fate(seconds=200.0), failed(dice)]))
    after = dice.randint(1, 12)

    def kill(event: Event, run: Run) -> None:
        nonlocal after
        after -= isinstance(event, Intended | Submitted)
        if not after:
            run.engine.abort()

    bench.run(seed=seed, on_event=kill)
    paid = dict(bench.charges())
    lose(bench, journal=dice.random() < 0.7)

    recover(bench)
    bench.manifest.write_text(bench.manifest.read_text().replace("deadline: 30s", "deadline: 600s"))
    bench.run(seed=seed)

    assert all(times == 1 for times in bench.charges().values())
    kept = {each.business_id for record in records(bench).values() for each in (record, *record.attempts, *record.also)}
    assert set(paid) <= kept


def failed(dice: random.Random) -> Fate:
    return Fate(code="x", message=dice.choice(["upstream overload", "content policy"]), refunded=dice.random() < 0.5)
