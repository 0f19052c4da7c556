"""The verb that spends: `run` shows the plan, asks, and carries it out against the service or the sandbox."""

import dataclasses
import json
import os
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TypedDict, Unpack

import rich_click as click

import kling_batch
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, reads_manifest, retry, selectors
from kling_batch.cli.audience import audience
from kling_batch.cli.figures import Speed, Usd
from kling_batch.cli.fork import fork_reason
from kling_batch.cli.selection import check_selectors
from kling_batch.errors import AccountError, UsageError
from kling_batch.job import Json
from kling_batch.plan.diff import Action, Change
from kling_batch.report.money import exact
from kling_batch.report.plan_text import budget_line, plan_text, totals
from kling_batch.report.progress import work_of
from kling_batch.report.summary import Ending, summary
from kling_batch.run.holding import catch_up

CHANGES_PENDING, SOME_BLOCKED, A_HUMAN_DECIDES = 3, 4, 6
KEY = "TOAPIS_API_KEY"
GRACE, CI_GRACE = 60.0, 7.0  # seconds that requests may still take after Ctrl-C; a CI kills after 10
_NEW = frozenset({Action.CREATE, Action.REDO})


class Wish(TypedDict):
    """What was said about a run, beside the manifest."""

    selectors: tuple[str, ...]
    only: tuple[str, ...]
    yes: bool
    budget: Decimal | None
    limit: int | None
    max_failures: int | None
    locked: bool
    retry: str | None
    proxy: str | None
    speed: float | None
    scenario: Path | None
    as_json: bool
    quiet: bool


@click.command(epilog="Example: kling-batch run manifests/quickstart.yaml --sandbox --yes")
@reads_manifest
@selectors
@click.option("--only", multiple=True, metavar="SELECTOR", help="The same as a SELECTOR; may be repeated.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--budget", type=Usd(), help="Spend at most so much in this run.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Submit at most so many jobs in this run.")
@click.option("--max-failures", type=click.IntRange(min=1), metavar="N", help="Stop after so many failures in a row.")
@click.option("--locked", is_flag=True, help="Buy nothing new: end with 3 if that would be needed.")
@retry
@click.option("--proxy", metavar="URL", help="Reach the API, and only the API, through a proxy.")
@click.option("--speed", type=Speed(), help="With --sandbox: how many times faster than real it runs.")
@click.option("--scenario", type=click.Path(path_type=Path), help="With --sandbox: a file of faults to play.")
@click.option("--json", "as_json", is_flag=True, help="Print one event a line to stdout.")
@click.option("--quiet", "-q", is_flag=True, help="Tell only what needs a person.")
def run(asked: Asked, **wish: Unpack[Wish]) -> int:
    """Make the videos of a manifest: show the plan and its price, ask, submit, collect.

    What is done already is kept, what an earlier run left under way is collected, nothing is paid for twice.
    A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    Ctrl-C stops in good order; the same command goes on later.
    """
    if not asked.sandbox and (wish["speed"] is not None or wish["scenario"] is not None):
        raise UsageError("`--speed` and `--scenario` are for the sandbox", help="add `--sandbox`")
    campaign = asked.campaign()
    terminal.talk_diagnostics(campaign.warnings)
    check_selectors(_patterns(wish), [job.key for job in campaign.manifest.jobs])
    with kling_batch.hold(campaign):
        plan = kling_batch.plan(
            campaign,
            only=_patterns(wish),
            retry_rejected=wish["retry"] is not None,
            budget=wish["budget"],
            limit=wish["limit"],
        )
        if wish["max_failures"] is not None:
            settings = dataclasses.replace(plan.settings, max_failures=wish["max_failures"])
            plan = dataclasses.replace(plan, settings=settings)
        return _run(asked, wish, campaign, plan)


def _run(asked: Asked, wish: Wish, campaign: "kling_batch.Campaign", plan: "kling_batch.Plan") -> int:
    prices = kling_batch.prices(campaign)
    if not wish["quiet"]:
        _tell(wish, plan_text(plan.changes, prices) + budget_line(plan))
    if not work_of(plan.changes):
        catch_up(campaign)
        return _at_rest(plan.changes)
    if wish["locked"] and any(change.action in _NEW for change in plan.changes):
        return CHANGES_PENDING
    key = "sandbox" if asked.sandbox else _key_that_may_spend()
    if not (wish["yes"] or _agreed(totals(plan.changes, prices))):
        terminal.talk("nothing was sent")
        return UsageError.exit_code
    return _spend(asked, wish, campaign, plan, key)


def _spend(asked: Asked, wish: Wish, campaign: "kling_batch.Campaign", plan: "kling_batch.Plan", key: str) -> int:
    began = time.monotonic()
    with (
        _service(asked, wish, campaign) as base_url,
        audience(plan.changes, as_json=wish["as_json"], quiet=wish["quiet"]) as ear,
    ):
        outcome = kling_batch.run(
            campaign,
            plan,
            api_key=key,
            base_url=base_url,
            proxy=wish["proxy"],
            grace=CI_GRACE if os.environ.get("CI") == "true" else GRACE,
            on_event=ear.hear,
        )
    if wish["as_json"]:
        terminal.out_json(_ended(outcome), indent=None)
    ending = Ending(
        made=ear.made,
        seconds=time.monotonic() - began,
        spent=outcome.spent,
        outputs=terminal.shown(campaign.places.outputs),
        left=kling_batch.plan(campaign, only=_patterns(wish)).changes,
        reasons=outcome.reasons,
        manifest=asked.manifest,
        command=shlex.join(["kling-batch", "run", asked.manifest, *["--sandbox"] * asked.sandbox]),
    )
    if outcome.exit_code or not wish["quiet"]:
        _tell(wish, summary(ending))
    return outcome.exit_code


def _patterns(wish: Wish) -> tuple[str, ...]:
    return (*wish["selectors"], *wish["only"])


def _tell(wish: Wish, text: str) -> None:
    if wish["as_json"]:
        terminal.talk(text)
    else:
        terminal.out(text)


def _ended(outcome: "kling_batch.Outcome") -> Json:
    return {
        "event": "ended",
        "exit_code": outcome.exit_code,
        "reasons": list(outcome.reasons),
        "counts": {state.value: number for state, number in outcome.counts.items()},
        "usd": exact(outcome.spent),
    }


def _at_rest(changes: Sequence[Change]) -> int:
    """Return how a run ends that has nothing to send, look at or fetch; it made no request."""
    found = {change.action for change in changes}
    if Action.LOST in found:
        return A_HUMAN_DECIDES
    return SOME_BLOCKED if Action.BLOCKED in found else 0


def _key_that_may_spend() -> str:
    key = os.environ.get(KEY, "")
    if not key.strip():
        raise UsageError(
            f"`{KEY}` is not set, and the service takes nothing without a key",
            help=f"set it: `export {KEY}=...`; or try the run without key and cost: `--sandbox`",
        )
    reason = fork_reason(os.environ, _event_payload())
    if reason:
        raise AccountError(f"this run will not spend: {reason}", help="run it on a branch of your own repository")
    return key


def _event_payload() -> Json:
    """Return what GitHub says of the event that set this workflow off; `None` where it cannot be read."""
    try:
        payload: Json = json.loads(Path(os.environ.get("GITHUB_EVENT_PATH", "")).read_bytes())
    except (OSError, ValueError):
        return None
    return payload


def _agreed(question: str) -> bool:
    if not terminal.is_conversation():
        raise UsageError("nobody is there to be asked, so nothing was sent", help="add `--yes` to go on without asking")
    return click.confirm(f"{question}\nGo on?", default=False, err=True)


@contextmanager
def _service(asked: Asked, wish: Wish, campaign: "kling_batch.Campaign") -> Iterator[str | None]:
    """Give the address of the service; that of a sandbox lives as long as the block, its tasks longer."""
    if not asked.sandbox:
        yield asked.base_url
        return
    from kling_batch.sandbox.server import Config, serve  # noqa: PLC0415 - only a sandbox needs uvicorn

    state = campaign.places.journal.with_name(f"{campaign.places.manifest.stem}.sandbox.state.jsonl")
    with serve(Config(speed=wish["speed"], scenario=wish["scenario"], state=state)) as base_url:
        yield base_url
