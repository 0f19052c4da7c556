"""Who must not spend in CI."""

import pytest

from kling_batch.cli.fork import fork_reason
from kling_batch.job import Json

ACTIONS = {"GITHUB_ACTIONS": "true"}


def pull(head: Json, base: Json = "us/films") -> Json:
    return {"pull_request": {"head": {"repo": head and {"full_name": head}}, "base": {"repo": {"full_name": base}}}}


@pytest.mark.parametrize("event", ["push", "workflow_dispatch", "schedule", None])
def test_what_insiders_set_off_may_spend(event: str | None) -> None:
    env = ACTIONS | ({"GITHUB_EVENT_NAME": event} if event else {})

    assert fork_reason(env, None) is None


def test_outside_of_actions_nothing_is_refused() -> None:
    assert fork_reason({"GITHUB_EVENT_NAME": "pull_request_target"}, None) is None


def test_a_pull_request_of_the_same_repository_may_spend() -> None:
    assert fork_reason(ACTIONS | {"GITHUB_EVENT_NAME": "pull_request"}, pull("us/films")) is None


@pytest.mark.parametrize("event", [pull("them/films"), pull(None), None, [], {}, {"pull_request": 3}, pull(3)])
def test_a_pull_request_of_a_fork_or_of_nobody_knows_whom_does_not_spend(event: Json) -> None:
    assert fork_reason(ACTIONS | {"GITHUB_EVENT_NAME": "pull_request"}, event)


def test_a_target_event_never_spends() -> None:
    assert fork_reason(ACTIONS | {"GITHUB_EVENT_NAME": "pull_request_target"}, pull("us/films"))
