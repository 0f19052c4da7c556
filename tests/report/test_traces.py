"""The fold of events into spans and figures, without OpenTelemetry."""

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from kling_batch.events import (
    Cleared,
    Completed,
    Done,
    Doubted,
    Event,
    Failed,
    Failure,
    Held,
    Intended,
    Looked,
    Lost,
    Received,
    Submitted,
    Told,
)
from kling_batch.job import BusinessId, Key, SpecHash, TaskId
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.record import Record, State
from kling_batch.report.traces import Figure, Signal, Span, Traces

KEY, TASK = Key("hero/lang=de#1"), TaskId("tsk_vid_1")
SECOND = 1_000_000_000
INTENDED = Intended(
    key=KEY,
    spec=SpecHash("v1:0"),
    parts=("a", "b", "c", "d"),
    generation=1,
    attempt=2,
    business_id=BusinessId("kb1-abc"),
    output="hero/secret-product.mp4",
    usd=Decimal("0.184"),
)
SUBMITTED = Submitted(key=KEY, task=TASK)
LOOKED = Looked(key=KEY, status="in_progress", progress=40)
COMPLETED = Completed(key=KEY, task=TASK, expires=99, usd=Decimal("0.2"))
DONE = Done(key=KEY, output="hero/secret-product.mp4", sha256="0" * 64, bytes=812, seconds=5.0)
FAILED = Failed(key=KEY, failure=Failure(kind="rejected", code="policy", message="the prompt `a red knife` is"))


def heard(*events: Event) -> list[Signal]:
    """Return all signals of a run whose events come a second apart."""
    traces = Traces(())
    signals = [each for at, event in enumerate(events) for each in traces.hear(event, at * SECOND)]
    return [*signals, *traces.end(len(events) * SECOND)]


def spans(signals: Sequence[Signal]) -> list[Span]:
    return [each for each in signals if isinstance(each, Span)]


def figures(signals: Sequence[Signal]) -> Counter[str]:
    """Return what all figures add up to, by name and outcome."""
    out: Counter[str] = Counter()
    for each in signals:
        if isinstance(each, Figure):
            name = " ".join([each.name.removeprefix("kling_batch."), *map(str, each.attributes.values())])
            out[name] += each.amount  # type: ignore[assignment]  # a counter of floats
    return out


def test_a_job_is_one_span_made_of_submit_wait_and_download() -> None:
    signals = heard(INTENDED, SUBMITTED, LOOKED, LOOKED, COMPLETED, Received(key=KEY, bytes=100), DONE)

    (job,) = spans(signals)
    told = [(part.name, part.begin // SECOND, part.end // SECOND, len(part.marks)) for part in job.parts]
    assert (job.name, job.begin, job.end, job.fault) == ("job", 0, 6 * SECOND, "")
    assert told == [("submit", 0, 1, 0), ("wait", 1, 4, 2), ("download", 4, 6, 0)]
    assert job.attributes == {
        "kling_batch.business_id": "kb1-abc",
        "kling_batch.generation": 1,
        "kling_batch.attempt": 2,
        "kling_batch.task": "tsk_vid_1",
        "kling_batch.usd": 0.2,
        "kling_batch.outcome": "done",
    }


def test_what_a_run_did_adds_up() -> None:
    told = figures(heard(INTENDED, SUBMITTED, LOOKED, LOOKED, COMPLETED, DONE))

    assert told == {"submits accepted": 1, "looks": 2, "spent": 0.2, "received": 812, "jobs done": 1} | {
        "job.duration done": 5.0
    }


def test_a_failed_attempt_has_a_span_and_the_job_counts_once_it_is_over() -> None:
    signals = heard(INTENDED, SUBMITTED, FAILED, INTENDED, SUBMITTED, COMPLETED, DONE)

    first, second = spans(signals)
    assert (first.fault, first.attributes["kling_batch.outcome"]) == ("rejected policy", "failed")
    assert (second.fault, second.attributes["kling_batch.outcome"]) == ("", "done")
    told = figures(signals)
    assert (told["jobs done"], told["jobs failed"]) == (1, 0)
    assert told["spent"] == pytest.approx(0.384)  # type: ignore[comparison-overlap]  # what is expected, then billed


@pytest.mark.parametrize(
    ("events", "outcome", "parts"),
    [
        ([INTENDED, Doubted(key=KEY, why="a time-out", evidence="a red knife")], "left", [("submit", "unsure")]),
        ([INTENDED, Cleared(key=KEY, why="429"), Held(key=KEY, why="budget")], "held", [("submit", "not created")]),
        ([INTENDED, SUBMITTED, COMPLETED, Lost(key=KEY, why="gone")], "lost", [("submit", "accepted")]),
        ([INTENDED, SUBMITTED, LOOKED], "left", [("submit", "accepted")]),
        ([LOOKED, COMPLETED], "left", []),
    ],
    ids=["unsure", "held", "lost", "under way", "of an earlier run"],
)
def test_a_job_that_is_not_done_says_how_it_was_left(
    events: list[Event], outcome: str, parts: list[tuple[str, str]]
) -> None:
    signals = heard(*events)

    (job,) = spans(signals)
    assert job.attributes["kling_batch.outcome"] == outcome
    assert [(each.name, each.attributes["kling_batch.outcome"]) for each in job.parts if each.attributes] == parts
    assert figures(signals)[f"jobs {outcome}"] == 1


def test_a_task_of_an_earlier_run_is_taken_up_under_its_ids_and_price(
    make_change: Callable[..., Change], make_record: Callable[..., Record]
) -> None:
    traces = Traces([make_change(Action.RESUME, lang="de", record=make_record(State.SUBMITTED, attempt=3))])

    signals = [
        signal
        for at, event in enumerate((LOOKED, Completed(key=KEY, task=TASK), DONE))
        for signal in traces.hear(event, at * SECOND)
    ]

    (job,) = spans(signals)
    assert [part.name for part in job.parts] == ["wait", "download"]
    assert job.attributes == {
        "kling_batch.business_id": "kb1-abc",
        "kling_batch.generation": 1,
        "kling_batch.attempt": 3,
        "kling_batch.task": "tsk_vid_1",
        "kling_batch.usd": 0.184,
        "kling_batch.outcome": "done",
    }


def test_nothing_that_could_be_secret_is_in_a_trace() -> None:
    link = "https://files.example/v.mp4?sig=a-red-knife"
    signals = heard(
        INTENDED,
        Doubted(key=KEY, why=link, evidence="a red knife"),
        SUBMITTED,
        Looked(key=KEY, status=f"a red knife {link}"),
        Told(level="warning", message="a red knife"),
        Failed(key=KEY, failure=Failure(kind="invalid", code="a red knife", message=link)),
        Held(key=KEY, why="a red knife"),
    )

    text = repr(signals)
    assert "'kling_batch.status': 'other'" in text
    assert [word for word in ("knife", "files.example", "lang=de", "secret-product") if word in text] == []
