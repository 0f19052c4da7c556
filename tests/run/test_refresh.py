"""Collecting without sending: what `refresh` does about everything that earlier runs left behind."""

import json
import random

import pytest
from campaigns import Bench
from pretended import Pretended

import kling_batch
from kling_batch.api.answers import Absent, Fault, FaultKind, TaskFailed
from kling_batch.events import Event, Failure, Intended, Submitted
from kling_batch.job import Key, TaskId
from kling_batch.plan.diff import Action
from kling_batch.plan.record import State
from kling_batch.run.lifecycle import step
from kling_batch.run.runner import Run, is_empty
from kling_batch.run.states import Doubtful, Policy, Submit, Waiting
from kling_batch.sandbox.task import Fate
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import World

SUBMIT_TROUBLES = ["", "", "", "unsent", "lost", "429", "paid-lost", "paid-500", "paid-html", "no-id", "409"]
LOOK_TROUBLES = ["", "", "", "lost", "500", "429"]
FETCH_TROUBLES = ["", "", "cut", "403", "html", "ignored-range"]


@pytest.mark.parametrize("state", [Doubtful(attempt=1, looked=3), Waiting(attempt=1, task=TaskId("tsk_1"))])
@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        Absent(),
        TaskFailed(task=TaskId("tsk_1"), failure=Failure(kind="transient", code="x", message="upstream")),
        Fault(kind=FaultKind.UNSENT),
    ],
)
def test_no_row_of_the_table_submits_where_nothing_may_be_sent(
    state: Doubtful | Waiting, answer: Absent | TaskFailed | Fault, *, proven: bool
) -> None:
    policy = Policy(
        key=Key("hero#1"), age=9.0, deadline=60.0, settle=9.0, last_attempt=3, proven=proven, reads_only=True
    )

    assert not isinstance(step(state, answer, policy)[2], Submit)


def interrupted_after(submits: int) -> object:
    def interrupt(event: Event, run: Run) -> None:
        nonlocal submits
        submits -= isinstance(event, Intended)
        if not submits:
            run.engine.stop("interrupted")
            run.engine.abort()

    return interrupt


def states(bench: Bench) -> dict[str, State]:
    return {key: record.state for key, record in kling_batch.state(bench.campaign()).jobs.items()}


def refresh(bench: Bench, backend: str = "asyncio", seed: int = 0) -> kling_batch.Outcome:
    return bench.run(backend=backend, seed=seed, reads_only=True)


def test_what_is_under_way_is_collected_and_nothing_else_is_bought(bench: Bench, backend: str) -> None:
    bench.write(5)

    def stop(event: Event, run: Run) -> None:
        if isinstance(event, Submitted):
            run.engine.stop("interrupted")

    bench.run(on_event=stop)
    posts, asked = list(bench.service.posts), len(bench.service.requests)

    outcome = refresh(bench, backend)

    assert (outcome.exit_code, bench.service.posts) == (0, posts)
    assert list(states(bench).values()).count(State.DONE) == len(bench.charges()) > 0
    assert "balance" not in bench.service.requests[asked:]


def test_a_campaign_that_never_ran_has_nothing_to_refresh(bench: Bench) -> None:
    bench.write(3)

    plan = bench.plan(reads_only=True)
    outcome = bench.run_plan(plan)

    assert is_empty(plan)
    assert (outcome.exit_code, bench.service.requests, bench.service.posts) == (0, [], [])
    assert states(bench) == {}


def test_a_lost_submit_is_left_unsure_even_where_absence_is_proven(bench: Bench, backend: str) -> None:
    bench.write(3)
    script = ["", "lost"]

    def stop(event: Event, run: Run) -> None:
        if type(event).__name__ == "Doubted":
            run.engine.abort()

    bench.service.trouble = lambda operation, _name: script.pop(0) if operation == "submit" and script else ""
    bench.run(on_event=stop)
    posts = list(bench.service.posts)

    outcome = refresh(bench, backend)

    assert bench.service.posts == posts
    assert (outcome.exit_code, list(states(bench).values()).count(State.UNSURE)) == (6, 1)
    assert "nothing is sent here" in "".join(outcome.left.values())


def test_a_task_that_failed_is_not_tried_again_by_refresh_but_by_the_next_run(bench: Bench) -> None:
    bench.write(1, run="deadline: 30s")
    bench.service.fate = lambda _body: Fate(seconds=70.0, code="generation_failed", message="upstream overload")
    bench.run()

    outcome = refresh(bench)
    again = bench.plan(reads_only=True)

    assert (outcome.exit_code, outcome.counts, len(bench.service.posts)) == (4, {State.FAILED: 1}, 1)
    assert is_empty(again)
    assert again.changes[0].action is Action.BLOCKED
    assert bench.plan().changes[0].action is Action.RETRY


def test_an_orphan_that_is_in_flight_is_collected_to_its_own_place(bench: Bench, backend: str) -> None:
    bench.write(3, run="deadline: 30s")
    bench.service.fate = lambda _body: Fate(seconds=70.0)
    bench.run()
    bench.write(1, run="deadline: 300s")

    outcome = refresh(bench, backend)

    jobs = kling_batch.state(bench.campaign()).jobs
    assert outcome.exit_code == 0
    assert {record.state for record in jobs.values()} == {State.DONE}
    for record in jobs.values():
        beside = json.loads((bench.folder / "out" / f"{record.output}.json").read_text())
        assert beside["task"] == record.task
    assert is_empty(bench.plan(reads_only=True))


def test_a_job_renamed_while_in_flight_is_collected_and_moved_by_the_next_run(bench: Bench) -> None:
    bench.write(1, run="deadline: 30s")
    bench.service.fate = lambda _body: Fate(seconds=70.0)
    bench.run()
    bench.manifest.write_text(bench.manifest.read_text().replace("  hero:", "  heroine:").replace("30s", "300s"))

    outcome = refresh(bench)
    moved = bench.run()

    (record,) = kling_batch.state(bench.campaign()).jobs.values()
    assert (outcome.exit_code, moved.exit_code, len(bench.service.posts)) == (0, 0, 1)
    assert (record.state, record.output) == (State.DONE, "heroine/n0-t1.mp4")
    assert json.loads((bench.folder / "out/heroine/n0-t1.mp4.json").read_text())["request"]["prompt"] == "a cup n0"


def test_an_orphan_gives_way_where_a_job_of_the_manifest_has_its_place(bench: Bench) -> None:
    bench.write(1, run="deadline: 30s")
    bench.service.fate = lambda _body: Fate(seconds=70.0)
    bench.run()
    edited = bench.manifest.read_text().replace("  hero:", "  heroine:").replace("30s", "300s")
    edited = edited.replace("a cup", "a jug").replace("root: out", "root: out, path: hero/n0-t1.mp4")
    bench.manifest.write_text(edited)

    refreshed = refresh(bench)
    bought = bench.run()

    jobs = kling_batch.state(bench.campaign()).jobs
    assert (refreshed.exit_code, bought.exit_code, len(bench.service.posts)) == (0, 0, 2)
    assert jobs[kling_batch.Key("heroine/n=n0#1")].output == "hero/n0-t1.mp4"
    assert str(jobs[kling_batch.Key("hero/n=n0#1")].output).startswith("hero/n0-t1~")


@pytest.mark.parametrize("seed", range(40))
def test_no_campaign_makes_refresh_submit(bench: Bench, seed: int) -> None:
    dice = random.Random(seed)
    count = dice.randint(1, 7)
    bench.write(count, run=f"posts: {dice.randint(1, 4)}, deadline: {dice.choice([30, 120, 600])}s")
    bench.service = stormy(dice)
    for _ in range(dice.randint(1, 2)):
        bench.run(seed=seed, on_event=interrupted_after(dice.randint(0, count)))  # type: ignore[arg-type]  # as above
    if dice.random() < 0.5:
        bench.write(dice.randint(1, count + 1))
    if dice.random() < 0.3:
        bench.manifest.write_text(bench.manifest.read_text().replace("a cup", "a jug"))
    posts = list(bench.service.posts)

    refresh(bench, seed=seed)
    bench.service.trouble = lambda _operation, _name: ""
    calm = refresh(bench, seed=seed + 1)

    assert bench.service.posts == posts
    assert all(times == 1 for times in bench.charges().values())
    records = kling_batch.state(bench.campaign()).jobs.values()
    known = {each.business_id for record in records for each in (record, *record.past, *record.attempts, *record.also)}
    assert set(bench.charges()) <= known
    assert calm.exit_code in ({6} if State.UNSURE in states(bench).values() else {0, 4, 5})


def stormy(dice: random.Random) -> Pretended:
    def trouble(operation: str, _name: str) -> str:
        tables = {"submit": SUBMIT_TROUBLES, "look": LOOK_TROUBLES, "download": FETCH_TROUBLES}
        return dice.choice(tables.get(operation, [""]))

    def fate(_body: object) -> Fate | None:
        return dice.choice([None, None, Fate(seconds=200.0), Fate(code="x", message="upstream overload")])

    ids = dice.choice(["honoured", "honoured", "echoed", "ignored"])
    return Pretended(World(Terms(business_ids=ids)), trouble=trouble, fate=fate)  # type: ignore[arg-type]  # of three words
