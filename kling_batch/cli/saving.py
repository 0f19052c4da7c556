"""Plans in files: what `plan -o` writes, and what `run` of such a file holds against the world before it sends."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import kling_batch
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked
from kling_batch.errors import StateError, UsageError
from kling_batch.job import Key
from kling_batch.plan.saved import Saved, SavedPlan, edited, format_saved, is_saved, overtaken, parse_saved, promises
from kling_batch.report.together import Planned

MOST_NAMED = 8


def save(
    path: Path, asks: Sequence[Asked], parts: Sequence[Planned], *, retry_rejected: bool, redo_picked: bool
) -> None:
    """Write plans to a file; the manifests in it are named from its folder.

    Raises `UsageError` where something lies there that is no plan: a slip of the pen would cost a manifest.
    """
    from kling_batch import store  # noqa: PLC0415 - `--help` need not wait for it

    if path.exists() and not _is_plan(path):
        raise UsageError(f"`{path}` is there already, and no plan; nothing was written", help="name another file")
    folder = path.absolute().parent
    plans = tuple(_saved(asked, part, folder) for asked, part in zip(asks, parts, strict=True))
    saved = Saved(plans=plans, retry_rejected=retry_rejected, redo_picked=redo_picked)
    try:
        store.write_atomic(path, format_saved(saved).encode())
    except OSError as error:
        raise UsageError(f"cannot write `{path}`: {error.strerror or error}") from error
    terminal.talk(f"saved; `kling-batch run {path}` does exactly this")


def _is_plan(path: Path) -> bool:
    try:
        return is_saved(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False


def _saved(asked: Asked, part: Planned, folder: Path) -> SavedPlan:
    return SavedPlan(
        manifest=_from(folder, asked.manifest),
        project=part.plan.project,
        service=part.plan.service,
        profile=asked.profile,
        sandbox=asked.sandbox,
        output_root=None if asked.output_root is None else _from(folder, asked.output_root),
        variables=asked.variables,
        changes=promises(part.plan.changes),
    )


def _from(folder: Path, path: str) -> str:
    return Path(os.path.relpath(Path(path).absolute(), folder)).as_posix()


def read(path: Path) -> Saved | None:
    """Return the plans that a file holds, `None` where it is something else, such as a manifest.

    Raises `UsageError` for a plan that is damaged, or of another version.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError):
        return None
    if not is_saved(text):
        return None
    saved = parse_saved(text)
    if isinstance(saved, str):
        raise UsageError(f"`{path}` is no plan that can be run: {saved}", help="make it again: `kling-batch plan -o`")
    return saved


def asks_of(saved: Saved, path: Path) -> tuple[Asked, ...]:
    """Return what the plans of a file were made from, as it is named from here."""
    folder = path.parent
    return tuple(
        Asked(
            manifest=os.path.normpath(folder / each.manifest),
            variables=each.variables,
            sandbox=each.sandbox,
            output_root=None if each.output_root is None else os.path.normpath(folder / each.output_root),
            profile=each.profile,
        )
        for each in saved.plans
    )


def exactly(plan: "kling_batch.Plan", saved: SavedPlan) -> "kling_batch.Plan":
    """Return the part of a plan that was saved.

    Raises `UsageError` where the manifest or a price says something else by now, and `StateError` where the lock, the
    disk or the time does; either names the jobs, and nothing was sent.
    """
    if (plan.project, plan.service) != (saved.project, saved.service):
        raise UsageError(
            f"the plan was made for `{saved.project}` on `{saved.service}`, not for `{plan.project}` on"
            f" `{plan.service}`; nothing was sent"
        )
    if strays := edited(saved, plan.changes):
        raise UsageError(
            f"{_named(strays)} since the plan was made; nothing was sent", help="plan again, and look at it again"
        )
    if strays := overtaken(saved, plan.changes):
        raise StateError(
            f"{_named(strays)} since the plan was made; nothing was sent",
            help="plan again: somebody or something else was here in between",
        )
    return dataclasses.replace(plan, changes=tuple(each for each in plan.changes if each.key in saved.changes))


def _named(strays: Sequence[tuple[Key, str]]) -> str:
    told = "; ".join(f"`{key}` {what}" for key, what in strays[:MOST_NAMED])
    return told + (f"; and {len(strays) - MOST_NAMED} more" if len(strays) > MOST_NAMED else "")


def only_itself(given: Mapping[str, bool]) -> None:
    """Raise `UsageError` where something was said beside a saved plan that would make it another one."""
    said = [name for name, is_given in given.items() if is_given]
    if said:
        raise UsageError(f"a saved plan is run as it is, without {' and '.join(said)}", help="make another plan")
