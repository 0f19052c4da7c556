"""A run that leaves work says so: in its exit code, and in words that tell why."""

from pathlib import Path

import pytest
from campaigns import Bench


@pytest.fixture
def under_way(tmp_path: Path) -> Bench:
    """A campaign of one job whose task still runs at the service: the run before ended at its deadline."""
    bench = Bench(tmp_path)
    bench.write(1, "deadline: 1s")
    assert bench.run().exit_code == 5
    bench.write(1)
    return bench


@pytest.mark.parametrize(("old", "new"), [("a cup", "a jug"), ("  hero:", "  star:")], ids=["edited", "renamed"])
def test_a_job_changed_under_way_leaves_work_for_the_next_run(under_way: Bench, old: str, new: str) -> None:
    under_way.manifest.write_text(under_way.manifest.read_text().replace(old, new))

    first, second, third = (under_way.run().exit_code for _ in range(3))

    assert (first, second, third) == (5, 0, 0)


def test_a_run_that_left_a_task_tells_why(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.write(2, "deadline: 1s")

    outcome = bench.run()

    assert outcome.reasons == ("still running at the deadline",)


def test_a_run_that_met_its_limit_tells_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.write(3)

    outcome = bench.run(limit=1)

    assert (outcome.exit_code, outcome.reasons) == (5, ("the limit of 1 submits is reached",))
