"""The pace: a law about what leaves in any stretch of time, and what is learned from answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.api.answers import Allowance
from kling_batch.api.pace import Pacer, allowance_of


def test_a_burst_goes_at_once_and_the_rest_in_time() -> None:
    pacer = Pacer(2, burst=3)

    waits = [pacer.reserve(10.0) for _ in range(5)]

    assert waits == [0, 0, 0, 0.5, 1.0]


@given(
    rate=st.integers(1, 20),
    burst=st.integers(1, 10),
    gaps=st.lists(st.floats(0, 3, allow_subnormal=False), max_size=40),
    span=st.floats(0.1, 5),
)
def test_no_stretch_of_time_sees_more_than_a_burst_and_its_share(
    rate: int, burst: int, gaps: list[float], span: float
) -> None:
    pacer, now, sent = Pacer(rate, burst), 100.0, []

    for gap in gaps:
        now += gap
        sent.append(now + pacer.reserve(now))

    for start in sent:
        assert sum(start <= each < start + span for each in sent) <= burst + rate * span + 1e-6
    assert sent == sorted(sent)


def test_a_push_back_holds_everything_and_gives_no_burst_after_it() -> None:
    pacer = Pacer(2, burst=3)

    pacer.push_back(10.0, 30.0)

    assert [pacer.reserve(10.0) for _ in range(3)] == [30.0, 30.5, 31.0]


def test_a_shorter_push_back_does_not_shorten_a_longer_one() -> None:
    pacer = Pacer(1)

    pacer.push_back(0.0, 60.0)
    pacer.push_back(0.0, 5.0)

    assert pacer.reserve(0.0) == 60.0


def test_a_lower_limit_of_the_service_slows_down_and_a_higher_one_does_not_speed_up() -> None:
    pacer = Pacer(5)

    pacer.learn(0.0, Allowance(limit=60))
    slow = pacer.rate
    pacer.learn(0.0, Allowance(limit=3000))

    assert slow == pytest.approx(0.8)
    assert pacer.rate == pytest.approx(5)


def test_nothing_left_waits_for_the_reset() -> None:
    pacer = Pacer(5)

    pacer.learn(0.0, Allowance(remaining=0, reset=12.0))

    assert pacer.reserve(0.0) == 12.0


def test_something_left_waits_for_nothing() -> None:
    pacer = Pacer(5)

    pacer.learn(0.0, Allowance(limit=300, remaining=7, reset=12.0))

    assert pacer.reserve(0.0) == 0


DATE = "Mon, 23 Nov 2026 09:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, None),
        ({"Content-Type": "x"}, None),
        ({"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0"}, Allowance(limit=300, remaining=0)),
        ({"x-ratelimit-reset": "12"}, Allowance(reset=12.0)),
        ({"X-RateLimit-Reset": "1795424430", "Date": DATE}, Allowance(reset=30.0)),
        ({"X-RateLimit-Reset": "1795424430"}, None),
        ({"X-RateLimit-Limit": "300, 300;w=60"}, Allowance(limit=300)),
        ({"X-RateLimit-Limit": "-1", "X-RateLimit-Remaining": "many"}, None),
        ({"Retry-After": "3", "X-RateLimit-Category": "async_submit"}, Allowance(category="async_submit", wait=3.0)),
        ({"Retry-After": DATE, "Date": DATE}, Allowance(wait=0.0)),
        ({"Retry-After": "Mon, 99 Nov 2026", "Date": DATE}, None),
        ({"Retry-After": "Mon, 23 Nov 2026 09:00:10 -0000", "Date": DATE}, Allowance(wait=10.0)),
    ],
)
def test_rate_headers_are_read_in_all_their_forms(headers: dict[str, str], told: Allowance | None) -> None:
    assert allowance_of(headers) == told
