"""A plan in a file, to be carried out later exactly as it was approved: versioned JSON, no secrets, no machine's paths.

It holds no requests: each change is told by its spec and by a digest of what the lock knew, so that whoever runs it can
say whether it is still the same thing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kling_batch.job import Json, Key, canonical
from kling_batch.plan.diff import Change
from kling_batch.plan.encode import payload
from kling_batch.plan.record import Record

MARK = "kling_batch_plan"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One change as it was approved. `usd` is a decimal string where it pays, `record` the digest of its record."""

    action: str
    spec: str | None
    generation: int
    attempt: int
    usd: str | None
    record: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """The plan of one manifest, and how the manifest was read; its path is relative to the file of the plan."""

    manifest: str
    project: str
    service: str
    profile: str = ""
    sandbox: bool = False
    output_root: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[Key, Promise] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """All that one file holds."""

    plans: tuple[SavedPlan, ...]
    retry_rejected: bool = False
    redo_picked: bool = False


def promises(changes: Sequence[Change]) -> dict[Key, Promise]:
    """Return changes as they are approved, by key."""
    return {change.key: _promise(change) for change in changes}


def _promise(change: Change) -> Promise:
    spec = change.job.spec.hash if change.job else None
    usd = f"{change.usd.normalize():f}" if change.pays and change.usd is not None else None
    return Promise(
        action=change.action.value,
        spec=spec,
        generation=change.generation,
        attempt=change.attempt,
        usd=usd,
        record=_digest(change.record),
    )


def _digest(record: Record | None) -> str | None:
    return None if record is None else hashlib.sha256(canonical(payload(record))).hexdigest()[:16]


def edited(saved: SavedPlan, changes: Sequence[Change]) -> tuple[tuple[Key, str], ...]:
    """Return the jobs of which the manifest says something else by now, or the price table, and what."""
    now = promises(changes)
    told = []
    for key, was in saved.changes.items():
        there = now.get(key)
        if there is None:
            told.append((key, "is gone"))
        elif there.spec != was.spec:
            told.append((key, "asks for something else"))
        elif there.record == was.record and there.action == was.action and there.usd != was.usd:
            told.append((key, f"costs {there.usd or 'an unknown sum'}, not {was.usd or 'an unknown sum'}"))
    return tuple(told)


def overtaken(saved: SavedPlan, changes: Sequence[Change]) -> tuple[tuple[Key, str], ...]:
    """Return the jobs that the lock, the disk or the time has changed since, and how."""
    now = promises(changes)
    told = []
    for key, was in saved.changes.items():
        there = now.get(key)
        if there is None or there.spec != was.spec:
            continue
        if there.record != was.record:
            told.append((key, "has another record"))
        elif (there.action, there.generation, there.attempt) != (was.action, was.generation, was.attempt):
            told.append((key, f"was to {was.action}, and is to {there.action} now"))
    return tuple(told)


def format_saved(saved: Saved) -> str:
    """Return the text of a file that holds plans."""
    plans: list[Json] = [
        {
            "manifest": each.manifest,
            "lock": {"project": each.project, "service": each.service},
            "profile": each.profile or None,
            "sandbox": each.sandbox,
            "output_root": each.output_root,
            "variables": dict(each.variables),
            "changes": [
                {
                    "key": key,
                    "action": was.action,
                    "spec": was.spec,
                    "generation": was.generation,
                    "attempt": was.attempt,
                    "usd": was.usd,
                    "record": was.record,
                }
                for key, was in each.changes.items()
            ],
        }
        for each in saved.plans
    ]
    whole: dict[str, Json] = {MARK: VERSION, "retry_rejected": saved.retry_rejected}
    whole |= {"redo_picked": True} if saved.redo_picked else {}
    whole["plans"] = plans
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def is_saved(text: str) -> bool:
    """Say whether a text means to be a saved plan, so that a manifest is never taken for one."""
    return text.lstrip("\ufeff \t\r\n").startswith("{") and f'"{MARK}"' in text[:1000]


def parse_saved(text: str) -> Saved | str:
    """Return the plans that a file holds, or why it holds none."""
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return "it is cut off or damaged"
    match value:
        case {"kling_batch_plan": int(version)} if version != VERSION:
            return f"it has version {version}, and this kling-batch knows {VERSION}"
        case {"kling_batch_plan": _, "retry_rejected": bool(retry), "plans": list(plans), **rest} if plans:
            read = [_plan(each) for each in plans]
            known = tuple(each for each in read if each is not None)
            if len(known) == len(read):
                return Saved(plans=known, retry_rejected=retry, redo_picked=rest.get("redo_picked") is True)
    return "it does not say what a plan says"


def _plan(value: Json) -> SavedPlan | None:
    match value:
        case {
            "manifest": str(manifest),
            "lock": {"project": str(project), "service": str(service)},
            "profile": str() | None as profile,
            "sandbox": bool(sandbox),
            "output_root": str() | None as root,
            "variables": dict(variables),
            "changes": list(changes),
        }:
            read = [_change(each) for each in changes]
            return (
                SavedPlan(
                    manifest=manifest,
                    project=project,
                    service=service,
                    profile=profile or "",
                    sandbox=sandbox,
                    output_root=root,
                    variables={str(name): str(each) for name, each in variables.items()},
                    changes=dict(each for each in read if each is not None),
                )
                if None not in read
                else None
            )
    return None


def _change(value: Json) -> tuple[Key, Promise] | None:
    match value:
        case {
            "key": str(key),
            "action": str(action),
            "spec": str() | None as spec,
            "generation": int(generation),
            "attempt": int(attempt),
            "usd": str() | None as usd,
            "record": str() | None as record,
        }:
            return Key(key), Promise(
                action=action, spec=spec, generation=generation, attempt=attempt, usd=usd, record=record
            )
    return None
