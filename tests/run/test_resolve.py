"""A person's word about unsure jobs: what is recorded, what the next run makes of it, and what is refused."""

import pytest
from campaigns import Bench

import kling_batch
from kling_batch.errors import UsageError
from kling_batch.events import Event, Intended
from kling_batch.job import Key, TaskId
from kling_batch.plan.diff import Action
from kling_batch.plan.record import Record, State, committed
from kling_batch.plan.select import selector
from kling_batch.run import resolving
from kling_batch.run.resolving import Abandon, Adopt, Choice, Resubmit
from kling_batch.run.runner import Run
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import World

KEY = "hero/n=n1#1"


@pytest.fixture
def doubt(bench: Bench) -> Bench:
    """Three jobs of which the second is unsure, paid for, and not to be found by its business id."""
    bench.write(3)
    bench.service.world = World(Terms(business_ids="ignored"))
    script = ["", "paid-lost"]
    bench.service.trouble = lambda operation, _name: script.pop(0) if operation == "submit" and script else ""
    bench.run()
    return bench


def record(bench: Bench, key: str = KEY) -> Record:
    return kling_batch.state(bench.campaign()).jobs[Key(key)]


def task_of(bench: Bench) -> TaskId:
    """Return the task that was paid for, as a person finds it in the service's own list."""
    known = {each.task for each in kling_batch.state(bench.campaign()).jobs.values()}
    (found,) = set(bench.service.world._tasks) - known
    return TaskId(found)


def resolve(bench: Bench, choice: Choice, pattern: str = KEY) -> None:
    campaign = bench.campaign()
    changes = kling_batch.plan(campaign).changes
    means = selector([pattern])
    names = [(change, [key for key in (change.key, change.origin) if key]) for change in changes]
    jobs = resolving.unsure([[change for change, own in names if any(means(key, change.state) for key in own)]])
    [facts] = resolving.decided(choice, jobs, [pattern], [kling_batch.state(campaign)])
    with kling_batch.hold(campaign):
        resolving.settle(campaign, facts)


def test_an_adopted_task_is_collected_by_the_next_run_and_paid_once(doubt: Bench) -> None:
    posts = list(doubt.service.posts)

    resolve(doubt, Adopt(task=task_of(doubt)))
    outcome = doubt.run()

    assert record(doubt).state is State.DONE
    assert (outcome.exit_code, doubt.service.posts) == (0, posts)
    assert sum(doubt.charges().values()) == 3


def test_an_abandoned_job_counts_as_spent_and_is_never_asked_about_again(doubt: Bench) -> None:
    before = committed(kling_batch.state(doubt.campaign()).jobs)
    requests, posts = list(doubt.service.requests), list(doubt.service.posts)

    resolve(doubt, Abandon())
    outcome = doubt.run()

    assert record(doubt).state is State.LOST
    assert committed(kling_batch.state(doubt.campaign()).jobs) == before
    assert (doubt.service.requests, doubt.service.posts, outcome.exit_code) == (requests, posts, 6)
    change = next(change for change in doubt.plan().changes if change.key == KEY)
    assert (change.action, change.because) == (
        Action.LOST,
        "given up while nobody knew whether it was bought for $0.184; `redo` buys it anew",
    )


def test_a_resubmitted_job_goes_out_under_the_same_business_id(doubt: Bench) -> None:
    own = record(doubt).business_id

    resolve(doubt, Resubmit())
    between = record(doubt).state
    outcome = doubt.run()

    assert between is State.PENDING
    assert (outcome.exit_code, record(doubt).state) == (0, State.DONE)
    assert doubt.service.posts.count(str(own)) == 2


def test_a_job_resubmitted_under_another_name_keeps_the_id_it_was_sent_with(doubt: Bench) -> None:
    own = record(doubt).business_id
    doubt.manifest.write_text(doubt.manifest.read_text().replace("  hero:", "  heroine:"))
    doubt.run()
    key = KEY.replace("hero", "heroine")

    resolve(doubt, Resubmit(), key)
    doubt.run()

    assert record(doubt, key).state is State.DONE
    assert doubt.service.posts.count(str(own)) == 2
    assert len(set(doubt.service.posts)) == 3


def test_a_choice_survives_the_loss_of_the_lock_file(doubt: Bench) -> None:
    resolve(doubt, Abandon())
    doubt.campaign().places.lock.unlink()

    assert record(doubt).state is State.LOST


@pytest.mark.parametrize("task", ["", "a b", "x" * 129, "täsk", "../x"])
def test_what_is_no_task_id_is_not_adopted(doubt: Bench, task: str) -> None:
    with pytest.raises(UsageError, match="is no task id"):
        resolve(doubt, Adopt(task=TaskId(task)))

    assert record(doubt).state is State.UNSURE


def test_the_task_of_another_job_is_not_adopted(doubt: Bench) -> None:
    task = record(doubt, "hero/n=n0#1").task
    assert task is not None

    with pytest.raises(UsageError, match=r"known already: it is that of `hero/n=n0#1`"):
        resolve(doubt, Adopt(task=task))


def test_a_job_that_is_not_unsure_is_told_with_its_state(doubt: Bench) -> None:
    with pytest.raises(UsageError, match="none of these is") as refused:
        resolve(doubt, Abandon(), "hero/n=n0#1")

    assert refused.value.help == "hero/n=n0#1 is done"


def test_a_pattern_settles_the_unsure_among_what_it_means(doubt: Bench) -> None:
    resolve(doubt, Abandon(), "hero")

    assert sorted(each.state.value for each in kling_batch.state(doubt.campaign()).jobs.values()) == [
        "done",
        "done",
        "lost",
    ]


def test_what_may_be_paid_for_twice_is_named_in_full(doubt: Bench) -> None:
    for pattern in ("hero", "hero/n=n1", "hero/n=n1*"):
        with pytest.raises(UsageError, match="named in full"):
            resolve(doubt, Resubmit(), pattern)


def test_an_edited_job_is_not_resubmitted_as_something_else(doubt: Bench) -> None:
    doubt.manifest.write_text(doubt.manifest.read_text().replace("a cup", "a jug"))

    with pytest.raises(UsageError, match="was edited since it was sent"):
        resolve(doubt, Resubmit())


def test_a_job_that_left_the_manifest_is_adopted_or_given_up_but_not_sent(doubt: Bench) -> None:
    doubt.write(1)

    with pytest.raises(UsageError, match="has left the manifest"):
        resolve(doubt, Resubmit())
    resolve(doubt, Adopt(task=task_of(doubt)))

    assert doubt.run(reads_only=True).exit_code == 0
    assert record(doubt).state is State.DONE


def test_a_renamed_job_is_settled_under_either_name(doubt: Bench) -> None:
    doubt.manifest.write_text(doubt.manifest.read_text().replace("  hero:", "  heroine:"))

    with pytest.raises(UsageError, match="was sent as"):
        resolve(doubt, Resubmit(), "heroine/n=n1#1")
    resolve(doubt, Adopt(task=task_of(doubt)), KEY)
    outcome, posts = doubt.run(), len(doubt.service.posts)
    again = doubt.run()

    assert (outcome.exit_code, again.exit_code, posts) == (5, 0, 3)
    assert record(doubt, "heroine/n=n1#1").state is State.DONE


def test_several_unsure_jobs_are_given_up_together_but_adopted_one_at_a_time(bench: Bench) -> None:
    bench.write(3)

    def kill(event: Event, run: Run) -> None:
        if isinstance(event, Intended) and sum(isinstance(each, Intended) for each in bench.events) == 3:
            run.engine.abort()

    bench.service.world = World(Terms(business_ids="ignored"))
    script = ["", "paid-lost", "paid-lost"]
    bench.service.trouble = lambda operation, _name: script.pop(0) if operation == "submit" and script else ""
    bench.run(on_event=kill)

    with pytest.raises(UsageError, match="2 unsure jobs are meant"):
        resolve(bench, Adopt(task=TaskId("tsk_1")), "hero")
    resolve(bench, Abandon(), "hero")

    states = [each.state for each in kling_batch.state(bench.campaign()).jobs.values()]
    assert states.count(State.LOST) == 2
