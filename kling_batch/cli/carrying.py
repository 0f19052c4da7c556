"""A plan carried out in front of an audience, and how it ended: what `run` and `refresh` share."""

import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import rich_click as click

import kling_batch
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked
from kling_batch.cli.audience import audience
from kling_batch.cli.choosing import said
from kling_batch.cli.service import reached
from kling_batch.cli.traces import traced
from kling_batch.events import Event
from kling_batch.job import Json
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.select import Selection, selection_of
from kling_batch.report.money import exact
from kling_batch.report.summary import Ending, summary

SOME_BLOCKED, A_HUMAN_DECIDES = 4, 6
GRACE, CI_GRACE = 60.0, 7.0  # seconds that requests may still take after Ctrl-C; a CI kills after 10

as_json = click.option("--json", "as_json", is_flag=True, help="Print one event a line to stdout.")
otel = click.option("--otel", is_flag=True, help="Send a trace of the run to an OpenTelemetry collector.")
quiet = click.option("--quiet", "-q", is_flag=True, help="Tell only what needs a person.")


class Manner(TypedDict):
    """How a plan is carried out, and for whom."""

    selectors: "tuple[str, ...] | Selection"
    proxy: str | None
    speed: float | None
    scenario: Path | None
    paint: NotRequired[bool | None]
    otel: bool
    as_json: bool
    quiet: bool


def carry_out(
    asked: Asked, manner: Manner, campaign: "kling_batch.Campaign", plan: "kling_batch.Plan", key: str
) -> int:
    """Carry a plan out while people or programs follow it, tell what is left, and return the exit code."""
    return carried(asked, manner, campaign, plan, key).exit_code


def carried(
    asked: Asked, manner: Manner, campaign: "kling_batch.Campaign", plan: "kling_batch.Plan", key: str
) -> "kling_batch.Outcome":
    """Do what `carry_out` does, and return all that is known of how it ended."""
    began, selection = time.monotonic(), selection_of(manner["selectors"])
    with (
        reached(
            asked, campaign, speed=manner["speed"], scenario=manner["scenario"], paint=manner.get("paint")
        ) as base_url,
        traced(plan.changes, wanted=manner["otel"]) as trace,
        audience(plan, as_json=manner["as_json"], quiet=manner["quiet"]) as ear,
    ):

        def hear(event: Event) -> None:
            ear.hear(event)
            trace(event)

        outcome = kling_batch.run(
            campaign,
            plan,
            api_key=key,
            base_url=base_url,
            proxy=manner["proxy"],
            grace=CI_GRACE if os.environ.get("CI") == "true" else GRACE,
            on_event=hear,
        )
    if manner["as_json"]:
        terminal.out_json(_ended(outcome), indent=None)
    ending = Ending(
        made=ear.made,
        seconds=time.monotonic() - began,
        spent=outcome.spent,
        outputs=terminal.shown(campaign.places.outputs),
        left=_left(campaign, plan),
        reasons=outcome.reasons,
        manifest=asked.manifest,
        command=_run_again(asked, selection),
        names_jobs=bool(selection.states),
        flags=asked.flags,
    )
    if outcome.exit_code or not manner["quiet"]:
        tell(manner, summary(ending))
    return outcome


def _left(campaign: "kling_batch.Campaign", plan: "kling_batch.Plan") -> tuple[Change, ...]:
    """Return what is left of a plan: its jobs held against the lock again, also those that changed their state."""
    keys = {change.key for change in plan.changes}
    return tuple(change for change in kling_batch.plan(campaign).changes if change.key in keys)


def _run_again(asked: Asked, selection: Selection) -> str:
    """Return the command that goes on with what is left, and with nothing that was not chosen."""
    chosen = () if selection.states else said(selection, asked.where)
    words = ["kling-batch", "run", asked.manifest, *chosen]
    return f"{shlex.join(words)}{asked.flags}"


def tell(manner: Manner, text: str) -> None:
    """Tell people something: on stdout, unless that carries events for a program."""
    if manner["as_json"]:
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


def at_rest(changes: Sequence[Change]) -> int:
    """Return how a run ends that has nothing to send, look at or fetch; it made no request."""
    found = {change.action for change in changes}
    if Action.LOST in found:
        return A_HUMAN_DECIDES
    return SOME_BLOCKED if Action.BLOCKED in found else 0
