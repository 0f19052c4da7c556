"""Runs killed with -9, and begun again: the CI share of `kills.py`."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blackbox import MEMORY, Figures
from kills import POSTS, TROUBLES, each

KILLS = {name: 20 if name == "everything" else 10 for name in TROUBLES}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, Figures]]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield dict(each(KILLS, 1, Path(name), jobs=12))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_kill_pays_twice_or_forgets_a_charge(trouble: str, figures: dict[str, Figures]) -> None:
    assert figures[trouble].faults == []


def test_a_hundred_kills_leave_no_more_open_than_the_submits_in_flight(
    figures: dict[str, Figures], record_property: Callable[[str, object], None]
) -> None:
    total = sum(figures.values(), Figures())

    record_property("figures", str(total))
    assert total.kills == 100
    assert total.extra == total.forgotten == total.wrong_files == total.leaks == 0
    assert total.most_open <= POSTS
    assert total.open <= POSTS * total.kills
