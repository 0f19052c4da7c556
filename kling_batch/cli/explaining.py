"""Verbs that explain, without network: `why` a plan does what it does with a job, and `which` job made a file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

import kling_batch
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, reads_manifest
from kling_batch.cli.selection import meant_by
from kling_batch.errors import UsageError
from kling_batch.job import Json
from kling_batch.plan.diff import Change
from kling_batch.plan.history import result_of
from kling_batch.report.which import Which, which_json, which_text
from kling_batch.report.why import Why, why_json, why_text
from kling_batch.run.finding import Found, find, sidecar
from kling_batch.run.origins import Asked as AskedThen
from kling_batch.run.origins import Source, asked_then, introduction
from kling_batch.run.shelf import Shelf

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign

as_data = click.option("--json", "as_json", is_flag=True, help="Print data for programs.")


@click.command(epilog="Example: kling-batch why manifests/spring.yaml hero/lang=de#1")
@reads_manifest
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@as_data
def why(asked: Asked, *, keys: tuple[str, ...], as_json: bool) -> int:
    """Say why a run would do what it would do with a job: the reason, the changed parts, a word diff of the prompt.

    The old prompt is that of the sidecar, else it is rendered again as git has the manifest. A KEY may be a selector.
    """
    campaign = asked.campaign()
    changes = meant_by(keys, kling_batch.plan(campaign).changes)
    told = [_why(asked, campaign, change) for change in changes]
    if as_json:
        data: list[Json] = [why_json(each) for each in told]
        terminal.out_json(data[0] if len(data) == 1 else data)
    else:
        terminal.out("\n".join(why_text(each) for each in told))
    return 0


def _why(asked: Asked, campaign: "Campaign", change: Change) -> Why:
    made = (result_of(change.record) or change.record) if change.record else None
    then = None
    if made is not None and not made.is_blank:
        source = _source(campaign, asked)
        then = asked_then(source, made, Shelf(root=campaign.places.outputs))
    return Why(change=change, made=made, before=then.body if then else None, told_by=then.told_by if then else "")


def _source(campaign: "Campaign", asked: Asked) -> Source:
    places = campaign.places
    return Source(
        manifest=places.manifest,
        lock=places.lock,
        profile=campaign.manifest.profile,
        env=os.environ,
        variables=asked.variables,
    )


@click.command(epilog="Example: kling-batch which outputs/spring/hero/de-t1.mp4")
@click.argument("video", metavar="FILE", type=click.Path(path_type=Path))
@as_data
def which(video: Path, *, as_json: bool) -> int:
    """Say which job made a video: its prompt, manifest, record in the lock, and the commit that brought it.

    The file may have been moved or renamed: the locks of the project are asked for its checksum, then for its sidecar.
    """
    if not video.is_file() and sidecar(video) is None:
        raise UsageError(f"`{video}` is no file")
    found = find(video, Path.cwd())
    if not found:
        raise UsageError(f"no lock of this project knows `{video}`", help="run it inside the project that made it")
    told = [_which(video, each) for each in found]
    if as_json:
        data: list[Json] = [which_json(each) for each in told]
        terminal.out_json(data[0] if len(data) == 1 else data)
    else:
        terminal.out("\n".join(which_text(each) for each in told))
    return 0


def _which(video: Path, found: Found) -> Which:
    commit = introduction(found.lock, found.draw.sha256 or found.draw.task or "")
    then = _request(video, found)
    return Which(
        video=str(video),
        key=found.key,
        project=found.project,
        service=found.service,
        manifest=terminal.shown(found.manifest) if found.manifest else None,
        lock=terminal.shown(found.lock),
        draw=found.draw,
        is_result=found.is_result,
        is_whole=found.is_whole,
        request=then.body if then else None,
        told_by=then.told_by if then else "",
        commit=(commit.hash, commit.date, commit.author, commit.subject) if commit else None,
    )


def _request(video: Path, found: Found) -> AskedThen | None:
    """Return what was asked for: as the sidecar says, as the manifest says still, or as git has it."""
    match sidecar(video):
        case {"request": dict(body), "task": task} if task == found.draw.task:
            return AskedThen(body=body, told_by="its sidecar")
    if found.manifest is None:
        return None
    source = Source(manifest=found.manifest, lock=found.lock, profile=found.profile, env=os.environ, variables={})
    return asked_then(source, found.draw, Shelf(root=video.absolute().parent))
