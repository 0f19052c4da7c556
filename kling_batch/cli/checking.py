"""Verbs that hold files and state against each other: `verify` looks at every video, `recover` rebuilds a lost lock."""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

import kling_batch
from kling_batch.cli import failure, service, terminal
from kling_batch.cli.asked import Asked
from kling_batch.cli.choosing import campaigns, check_selection, reads_manifests
from kling_batch.cli.selection import check_selectors
from kling_batch.errors import KlingBatchError, UsageError
from kling_batch.job import MODEL, Json, Key
from kling_batch.media import stills
from kling_batch.plan.record import State
from kling_batch.plan.select import Selection
from kling_batch.report.checking import Checked, verify_json, verify_text
from kling_batch.report.recovery import Regain, Regained, recovery_json, recovery_text
from kling_batch.run import recovering, verifying
from kling_batch.run.recovering import Recovery
from kling_batch.run.shelf import Shelf
from kling_batch.run.verifying import Finding, Trouble
from kling_batch.text.plain import plain

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign

SOME_FAIL = 9
NOTHING_WRITTEN = "nothing was written"


@click.command(epilog="Example: kling-batch verify manifests/spring.yaml --fetch")
@reads_manifests
@click.option("--fetch", is_flag=True, help="Ask the service for what is missing; nothing is submitted.")
@click.option("--frames/--no-frames", default=None, help="Decode every picture too [if the extra media is here].")
@service.proxy
@service.speed
@service.scenario
@click.option("--json", "as_json", is_flag=True, help="Print data for programs.")
def verify(
    asks: tuple[Asked, ...],
    selection: Selection,
    *,
    fetch: bool,
    frames: bool | None,
    proxy: str | None,
    speed: float | None,
    scenario: Path | None,
    as_json: bool,
) -> int:
    """Check every video that is done: that it is here, its size, checksum and boxes, and the task it came from.

    With the extra `media` every picture is decoded too: what cannot be is damage, black and frozen videos are warnings.
    Ends with 9 if one is missing or wrong, also where another clone has it; --fetch brings what is missing, for as long
    as the service keeps it. Neither lock nor any file that is here is changed.
    """
    frames = _may_look(frames)
    service.only_for_a_sandbox(asks[0], speed, scenario)
    read = campaigns(asks)
    locks = [kling_batch.state(campaign) for campaign in read]
    keys = [key for each, lock in zip(read, locks, strict=True) for key in (*_keys(each), *lock.jobs)]
    check_selectors((*selection.patterns, *selection.excluded), keys)
    told = []
    for asked, campaign, lock in zip(asks, read, locks, strict=True):
        found = verifying.verify(campaign, lock, selection)
        if fetch and any(file.trouble in {Trouble.MISSING, Trouble.UNLABELLED} for file in found):
            with service.reached(asked, campaign, speed=speed, scenario=scenario) as base_url:
                found = _fetched(campaign, found, service.key_of(asked), base_url, proxy)
        if frames:
            found = verifying.look(found, Shelf(root=campaign.places.outputs), stills.probe)
        told.append(_checked(found))
    _tell(asks, told, as_json=as_json)
    return SOME_FAIL if any(file.trouble for files in told for file in files) else 0


def _may_look(wanted: bool | None) -> bool:  # noqa: FBT001 - an option with three values
    """Say whether the pictures are to be decoded; raises `UsageError` where that is asked for and cannot be done."""
    if wanted is False or stills.is_installed():
        return wanted is not False
    if wanted:
        raise UsageError(stills.MISSING, help=f"`{stills.INSTALL}`")
    terminal.talk(f"no look at the pictures: {stills.MISSING}; `{stills.INSTALL}`")
    return False


def _keys(campaign: "Campaign") -> tuple[Key, ...]:
    return tuple(job.key for job in campaign.manifest.jobs)


def _fetched(
    campaign: "Campaign", found: Sequence[Finding], key: str, base_url: str | None, proxy: str | None
) -> tuple[Finding, ...]:
    from kling_batch.run.asking import ask  # noqa: PLC0415 - only who asks needs the network
    from kling_batch.run.refetching import fetch  # noqa: PLC0415 - as above

    with kling_batch.hold(campaign):
        return ask(partial(fetch, campaign, found), api_key=key, base_url=base_url, proxy=proxy)


def _checked(found: Sequence[Finding]) -> list[Checked]:
    return [
        Checked(
            key=file.key,
            output=file.output,
            task=file.record.task,
            sha256=file.record.sha256,
            trouble=file.trouble.value if file.trouble else "",
            why=file.why,
            picture=_picture(file.probe) if file.probe else None,
            warnings=() if file.trouble else (*file.record.warnings, *(file.probe.warnings if file.probe else ())),
        )
        for file in found
    ]


def _picture(probe: stills.Probe) -> dict[str, Json]:
    return {
        "seconds": round(probe.seconds, 2),
        "width": probe.width,
        "height": probe.height,
        "frames_per_second": round(probe.frames_per_second, 3),
        "audio": probe.has_audio,
    }


def _tell(asks: Sequence[Asked], told: Sequence[Sequence[Checked]], *, as_json: bool) -> None:
    """Tell what was found; of several manifests each under its name."""
    parts = list(zip(asks, told, strict=True))
    if as_json:
        terminal.out_json_each([(each.manifest, verify_json(files)) for each, files in parts])
    else:
        terminal.out_each([(each.manifest, verify_text(files, each.manifest, each.flags)) for each, files in parts])


@click.command(epilog="Example: kling-batch recover manifests/spring.yaml")
@reads_manifests
@service.proxy
@service.speed
@service.scenario
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print data for programs.")
def recover(
    asks: tuple[Asked, ...],
    selection: Selection,
    *,
    proxy: str | None,
    speed: float | None,
    scenario: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Rebuild a lost lock from the journal, the sidecars beside videos and the service's own memory.

    Every job is looked up under the business ids that it would have been sent with; without a key it is told which jobs
    could not be asked about. Nothing is submitted, and a lock that is there is never overwritten.
    A MANIFEST may be a folder of them: what one of them refuses does not keep the others. With a SELECTOR the lock is
    there and has lost some jobs, as after a merge gone wrong: those that are meant are sought, what it knows stays.
    """
    service.only_for_a_sandbox(asks[0], speed, scenario)
    codes, data, read = [0], [], campaigns(asks)
    check_selection(selection, read)
    for asked, campaign in zip(asks, read, strict=True):
        is_whole = selection == Selection() and campaign.manifest.chosen is None
        if len(asks) > 1 and not as_json:
            terminal.out(f"{plain(asked.manifest)}\n\n")
        try:
            with kling_batch.hold(campaign):
                found = recovering.recover(campaign, None if is_whole else selection)
                if service.has_key(asked):
                    _ask(asked, campaign, found, proxy=proxy, speed=speed, scenario=scenario)
                code, told = _offered(campaign, found, yes=yes, as_json=as_json)
        except KlingBatchError as error:
            if len(asks) == 1:
                raise
            code, told = error.exit_code, {"error": error.message}
            terminal.talk(failure.told(error, color=terminal.has_color()))
        codes.append(code)
        data.append((asked.manifest, told))
    if as_json:
        terminal.out_json_each(data)
    return max(codes)


def _offered(campaign: "Campaign", found: Recovery, *, yes: bool, as_json: bool) -> tuple[int, dict[str, Json]]:
    """Tell what was found, and write it if that is wished; return the exit code and the data."""
    regain = _regain(campaign, found)
    if not as_json:
        terminal.out(recovery_text(regain))
    written = bool(regain.jobs) and (yes or service.agreed(f"Write {regain.lock}?", otherwise=NOTHING_WRITTEN))
    if written:
        recovering.write(found)
    if not as_json:
        terminal.talk(f"wrote {regain.lock}" if written else NOTHING_WRITTEN)
    return 0 if written or not regain.jobs else UsageError.exit_code, recovery_json(regain, written=written)


def _ask(
    asked: Asked,
    campaign: "Campaign",
    found: Recovery,
    *,
    proxy: str | None,
    speed: float | None,
    scenario: Path | None,
) -> None:
    from kling_batch.run.asking import ask  # noqa: PLC0415 - only who asks needs the network

    with service.reached(asked, campaign, speed=speed, scenario=scenario) as base_url:
        ask(partial(recovering.ask, found), api_key=service.key_of(asked), base_url=base_url, proxy=proxy)


def _regain(campaign: "Campaign", found: Recovery) -> Regain:
    lock, files = found.lock, {draw.key for draw in found.files}
    jobs = [
        Regained(key=key, source=_source(found, key, files), record=record)
        for key, record in sorted(lock.jobs.items())
        if record.state is not State.PENDING and (found.meant is None or key in found.meant)
    ]
    return Regain(
        lock=terminal.shown(campaign.places.lock),
        jobs=jobs,
        unknown=found.unknown,
        asked=found.asked,
        is_proven=lock.look_up == MODEL,
    )


def _source(found: Recovery, key: Key, files: Collection[Key]) -> str:
    if found.before.jobs.get(key) == found.lock.jobs[key]:
        return "journal"
    return "file" if key in files and found.lock.jobs[key].sha256 else "service"
