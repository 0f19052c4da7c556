"""The service that a verb talks to: its address, the key for it, and a person's word before anything is spent."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rich_click as click

import kling_batch
from kling_batch.api.origin import checked_key
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked
from kling_batch.cli.figures import Speed
from kling_batch.cli.fork import fork_reason
from kling_batch.errors import AccountError, KlingBatchError, UsageError
from kling_batch.job import Json
from kling_batch.media import stills

KEY = "TOAPIS_API_KEY"
SANDBOX_KEY = "sandbox"

proxy = click.option("--proxy", metavar="URL", help="Reach the API, and only the API, through a proxy.")
speed = click.option("--speed", type=Speed(), help="With --sandbox: how many times faster than real it runs.")
painting = click.option(
    "--paint/--no-paint",
    default=None,
    help="Let sandbox videos show their prompt [if the extra media is here, and neither speed nor scenario given].",
)
scenario = click.option("--scenario", type=click.Path(path_type=Path), help="With --sandbox: a file of faults to play.")


def has_key(asked: Asked) -> bool:
    """Say whether there is a key to ask the service with."""
    return asked.sandbox or bool(os.environ.get(KEY, "").strip())


def key_of(asked: Asked) -> str:
    """Return the key that the service is asked with; raises `UsageError` where there is none, as `checked_key` else."""
    if asked.sandbox:
        return SANDBOX_KEY
    key = os.environ.get(KEY, "")
    if not key.strip():
        raise UsageError(
            f"`{KEY}` is not set, and the service takes nothing without a key",
            help=f"set it: `export {KEY}=...`; or try the run without key and cost: `--sandbox`",
        )
    return checked_key(key)


def key_that_may_spend(asked: Asked) -> str:
    """Return the key; raises `AccountError` too where a stranger's pull request set this command off."""
    key = key_of(asked)
    reason = None if asked.sandbox else fork_reason(os.environ, _event_payload())
    if reason:
        raise AccountError(f"this run will not spend: {reason}", help="run it on a branch of your own repository")
    return key


def may_begin(asked: Asked, *, agreed: bool) -> bool:
    """Say whether a run that has something to do would get past its key and its question."""
    try:
        key_that_may_spend(asked)
    except KlingBatchError:
        return False
    return agreed or terminal.is_conversation()


def _event_payload() -> Json:
    """Return what GitHub says of the event that set this workflow off; `None` where it cannot be read."""
    try:
        payload: Json = json.loads(Path(os.environ.get("GITHUB_EVENT_PATH", "")).read_bytes())
    except (OSError, ValueError):
        return None
    return payload


def agreed(question: str, *, otherwise: str = "nothing was sent") -> bool:
    """Ask whether to go on; raises `UsageError` where nobody is there, with what therefore was not done."""
    if not terminal.is_conversation():
        raise UsageError(f"nobody is there to be asked, so {otherwise}", help="add `--yes` to go on without asking")
    return click.confirm(f"{question}\nGo on?", default=False, err=True)


def only_for_a_sandbox(asked: Asked, *given: object) -> None:
    """Raise `UsageError` where an option of the sandbox was given without it."""
    if not asked.sandbox and any(each is not None for each in given):
        raise UsageError("`--speed`, `--scenario` and `--paint` are for the sandbox", help="add `--sandbox`")


def paints(asked: bool | None, *paced: object) -> bool | None:  # noqa: FBT001 - an option with three values
    """Return whether a sandbox is to paint; unasked it does for who just looks, not where pace or faults are given."""
    if asked and not stills.is_installed():
        raise UsageError("painted videos need the extra `media`", help=f"`{stills.INSTALL}`")
    if asked is None and all(each is None for each in paced):
        return stills.is_installed()
    return asked


@contextmanager
def reached(
    asked: Asked,
    campaign: "kling_batch.Campaign",
    *,
    speed: float | None = None,
    scenario: Path | None = None,
    paint: bool | None = None,
) -> Iterator[str | None]:
    """Give the address of the service; that of a sandbox lives as long as the block, its tasks longer."""
    if not asked.sandbox:
        yield asked.base_url
        return
    from kling_batch.sandbox.server import Config, serve  # noqa: PLC0415 - only a sandbox needs uvicorn

    journal = campaign.places.journal  # like it the memory has one writer: two would give out one task id twice
    state = journal.with_name(journal.name.replace(".journal.", ".state."))
    paint = paints(paint, speed, scenario)
    with serve(Config(speed=speed, scenario=scenario, state=state, paint=paint)) as base_url:
        yield base_url
