"""The last words of a run."""

import dataclasses
from collections.abc import Callable, Sequence
from decimal import Decimal

from kling_batch.events import Failure
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.record import Record, State
from kling_batch.report.summary import Ending, summary

Make = Callable[..., Change]
Golden = Callable[[str, str], None]


def ending(left: Sequence[Change], *, reasons: tuple[str, ...] = ()) -> Ending:
    return Ending(
        made=12,
        seconds=14.2,
        spent=Decimal("2.208"),
        outputs="outputs/spring",
        left=left,
        reasons=reasons,
        manifest="manifests/spring.yaml",
        command="kling-batch run manifests/spring.yaml",
    )


def test_a_run_that_made_everything_says_so_in_one_line(make_change: Make) -> None:
    text = summary(ending([make_change(Action.KEEP)]))

    assert text == "made 12 videos in 14 s for $2.21, in outputs/spring\n"


def test_each_job_that_needs_something_is_told_with_the_command_for_it(
    every_action: tuple[Change, ...], golden: Golden
) -> None:
    golden("summary.txt", summary(ending(every_action, reasons=("1 job is unsure",))))


def test_an_unsure_job_is_never_told_to_be_tried_again(make_change: Make, make_record: Callable[..., Record]) -> None:
    unsure = make_change(Action.UNSURE, record=make_record(State.UNSURE), because="connection lost")

    text = summary(ending([unsure]))

    assert "may have been paid for" in text
    assert "--adopt" in text
    for invitation in ("try again", "run again", "retry", "kling-batch run"):
        assert invitation not in text


def test_many_of_a_kind_are_folded(make_change: Make, make_record: Callable[..., Record]) -> None:
    running = [make_change(Action.RESUME, take=number, record=make_record(State.SUBMITTED)) for number in range(1, 31)]

    text = summary(ending(running))

    assert "30 jobs, $5.52" in text
    assert "... and 20 more; `status` lists them" in text


def test_an_unsure_job_that_left_the_manifest_is_still_named(make_record: Callable[..., Record]) -> None:
    gone = Change(key="old#1", action=Action.UNSURE, because="x", record=make_record(State.UNSURE, spent=None))

    text = summary(ending([gone]))

    assert "price unknown" in text
    assert "task list for the job (business id kb1-abc)" in text


def test_a_long_prompt_is_cut_and_cannot_act(make_change: Make) -> None:
    text = summary(ending([make_change(Action.UNSURE, prompt="\x1b[31mred\n" + "word " * 100)]))

    assert "\x1b" not in text
    assert "..." in text


def test_what_is_picked_and_held_back_has_a_command_that_draws_it_anew(make_change: Make) -> None:
    picked = make_change(Action.BLOCKED, mark="picked")

    text = summary(dataclasses.replace(ending([picked]), names_jobs=True))

    assert "    kling-batch run manifests/spring.yaml --redo-picked 'hero#1'\n" in text
    assert "--retry" not in text


def test_what_came_damaged_has_a_command_that_fetches_it_again_and_none_that_buys(
    make_change: Make, make_record: Callable[..., Record]
) -> None:
    failure = Failure(kind="invalid", code="damaged-video", message="it ends in the head of a box")
    damaged = make_record(State.FAILED, task="tsk_1", failure=failure)

    text = summary(ending([make_change(Action.BLOCKED, record=damaged, because="kept as `.suspect`")]))

    assert "\nblocked: 1 job\n  hero#1  kept as `.suspect`\n" in text
    assert "    kling-batch import manifests/spring.yaml 'hero#1' tsk_1\n" in text
    assert "kling-batch run" not in text


def test_a_failure_that_was_charged_is_not_told_as_the_fault_of_the_request(
    make_change: Make, make_record: Callable[..., Record]
) -> None:
    charged = make_record(State.FAILED, failure=Failure(kind="transient", code="", message="time-out"))

    text = summary(ending([make_change(Action.BLOCKED, record=charged, because="the service charged $0.184 for it")]))

    assert "\nblocked: 1 job\n  hero#1  the service charged $0.184 for it\n" in text
    assert "  to send what failed once more as it is:\n" in text
