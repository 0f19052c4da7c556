import pytest

from kling_batch.job import Key
from kling_batch.plan.record import State
from kling_batch.plan.select import selector, unmatched

KEYS = tuple(
    Key(each) for each in ("hero/lang=de#1", "hero/lang=de#2", "hero/lang=en,ratio=16x9#1", "hero2#1", "pour#final")
)


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        ("hero", [0, 1, 2]),
        ("hero2", [3]),
        ("hero?", [3]),
        ("hero*", [0, 1, 2, 3]),
        ("hero/lang=de*", [0, 1]),
        ("hero/lang=de", [0, 1]),
        ("hero/lang=de#1", [0]),
        ("hero/lang=en,ratio=16x9", [2]),
        ("*ratio=16x9*", [2]),
        ("*#1", [0, 2, 3]),
        ("*#final", [4]),
        ("h[e]ro", []),
        ("hero/", []),
        ("*", [0, 1, 2, 3, 4]),
        ("her.", []),
    ],
)
def test_a_pattern_selects(pattern: str, places: list[int]) -> None:
    selects = selector([pattern])

    assert [at for at, key in enumerate(KEYS) if selects(key, State.DONE)] == places


def test_several_patterns_select_what_any_of_them_does() -> None:
    selects = selector(["pour", "hero2"])

    assert [key for key in KEYS if selects(key, State.DONE)] == ["hero2#1", "pour#final"]


def test_without_a_pattern_the_state_alone_decides() -> None:
    assert selector([], [State.FAILED])(KEYS[0], State.FAILED)
    assert not selector([], [State.FAILED])(KEYS[0], State.DONE)
    assert selector([])(KEYS[0], State.DONE)


def test_pattern_and_state_must_both_hold() -> None:
    selects = selector(["hero"], [State.FAILED, State.LOST])

    assert selects(KEYS[0], State.LOST)
    assert not selects(KEYS[4], State.LOST)
    assert not selects(KEYS[0], State.DONE)


def test_patterns_that_match_nothing_are_named() -> None:
    assert unmatched(["hero", "heroo", "pour#1"], KEYS) == ("heroo", "pour#1")
