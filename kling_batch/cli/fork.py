"""Whether a run in CI was set off by somebody who must not spend: a pull request from a fork (reliability b11)."""

from collections.abc import Mapping

from kling_batch.job import Json


def fork_reason(env: Mapping[str, str], event: Json) -> str | None:
    """Return why this run must not spend, or `None` if it may; `event` is the payload of the workflow's event.

    A pull request whose payload does not tell where it comes from counts as one from a fork.
    """
    if env.get("GITHUB_ACTIONS") != "true":
        return None
    match env.get("GITHUB_EVENT_NAME"):
        case "pull_request_target":
            return "`pull_request_target` runs what a stranger wrote with your secrets"
        case "pull_request":
            head, base = _repository(event, "head"), _repository(event, "base")
            if head is None or base is None:
                return "the event does not tell from which repository the pull request comes"
            return None if head == base else f"the pull request comes from `{head}`, not from `{base}`"
        case _:
            return None


def _repository(event: Json, side: str) -> str | None:
    at = event
    for name in ("pull_request", side, "repo", "full_name"):
        at = at.get(name) if isinstance(at, dict) else None
    return at if isinstance(at, str) else None
