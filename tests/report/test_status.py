"""Where every job stands."""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal

from kling_batch.plan.diff import Action, Change
from kling_batch.plan.record import Record, State
from kling_batch.report.status import Status, status_json, status_of, status_text

Make = Callable[..., Change]
MakeRecord = Callable[..., Record]
Golden = Callable[[str, str], None]


def whole(changes: Sequence[Change]) -> Status:
    return status_of("manifests/spring.yaml", "manifests/spring.lock.json", changes, lambda _: True)


def test_the_json_has_exactly_the_fields_of_the_design(every_action: tuple[Change, ...], golden: Golden) -> None:
    golden("status.json", json.dumps(status_json(whole(every_action)), indent=1) + "\n")


def test_the_table_has_a_row_a_job_and_orphans_apart(every_action: tuple[Change, ...], golden: Golden) -> None:
    golden("status.txt", status_text(whole(every_action)))


def test_only_the_jobs_that_were_asked_for_are_told_but_all_of_the_money(
    make_change: Make, make_record: MakeRecord
) -> None:
    done = make_change(Action.KEEP, record=make_record(State.DONE))
    pending = make_change(Action.CREATE, take=2)

    status = status_of("m", "l", [done, pending], lambda change: change.state is State.PENDING)

    assert status.jobs == (pending,)
    assert (status.billed, status.left) == (Decimal("0.184"), Decimal("0.184"))


def test_what_is_left_to_spend_is_unknown_where_a_price_is(make_change: Make) -> None:
    status = whole([make_change(Action.CREATE, usd=None)])

    assert status.left is None
    assert "an unknown sum left" in status_text(status)


def test_earlier_attempts_are_in_the_money(make_change: Make, make_record: MakeRecord) -> None:
    record = make_record(State.DONE, past=(make_record(State.DONE),))

    assert whole([make_change(Action.KEEP, record=record)]).billed == Decimal("0.368")


def test_a_long_list_ends_with_how_to_shorten_it(make_change: Make) -> None:
    text = status_text(whole([make_change(Action.CREATE, take=number) for number in range(1, 301)]))

    assert "... and 100 more jobs; `--state` or a selector tells which" in text
    assert "300 pending" in text


def test_a_manifest_without_jobs_has_a_status_too() -> None:
    assert status_text(whole([])).strip().startswith("no jobs.")


def test_a_failure_is_told_in_one_short_line(make_change: Make, make_record: MakeRecord) -> None:
    failed = make_record(State.FAILED)
    long = make_record(State.FAILED, failure=type(failed.failure)(kind="invalid", code="x", message="very " * 50))

    text = status_text(whole([make_change(Action.BLOCKED, record=long)]))

    assert "invalid: very very" in text
    assert max(map(len, text.splitlines())) < 120
