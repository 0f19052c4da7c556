"""A plan's changes by what people ask of them: how many of each action, what each shot and each axis value costs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kling_batch.plan.cost import Sum, total
from kling_batch.plan.diff import Action, Change

SIGNS: Mapping[Action, str] = {
    Action.CREATE: "+",
    Action.REDO: "~",
    Action.RETRY: "^",
    Action.RESTORE: "<",
    Action.MOVE: ">",
    Action.RESUME: ":",
    Action.FETCH: "v",
    Action.UNSURE: "?",
    Action.LOST: "!",
    Action.BLOCKED: "x",
    Action.ORPHAN: "-",
    Action.KEEP: "=",
}
"""The sign of each action, in the order in which a plan tells them: what pays first, what stays last."""

WORDS: Mapping[Action, str] = {
    Action.CREATE: "to create",
    Action.REDO: "to redo",
    Action.RETRY: "to retry",
    Action.RESTORE: "to restore",
    Action.MOVE: "to move",
    Action.RESUME: "to resume",
    Action.FETCH: "to fetch",
    Action.UNSURE: "unsure",
    Action.LOST: "lost",
    Action.BLOCKED: "blocked",
    Action.ORPHAN: "orphaned",
    Action.KEEP: "to keep",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Changes that are told together, under the name of what they share."""

    name: str
    changes: tuple[Change, ...]

    @property
    def cost(self) -> Sum:
        """What those of them that pay are expected to cost."""
        return cost(self.changes)


def cost(changes: Iterable[Change]) -> Sum:
    """Return what the paying ones among changes are expected to cost."""
    return total(change.usd for change in changes if change.pays)


def shot_of(change: Change) -> str:
    """Return the shot of a change, also where its job is gone from the manifest."""
    return change.job.shot if change.job else change.key.partition("/")[0].partition("#")[0]


def by_shot(changes: Iterable[Change]) -> tuple[Group, ...]:
    """Return the changes of the manifest's jobs by shot, in the order of the manifest; orphans stay out."""
    shots: dict[str, list[Change]] = {}
    for change in changes:
        if change.action is not Action.ORPHAN:
            shots.setdefault(shot_of(change), []).append(change)
    return tuple(Group(name=name, changes=tuple(group)) for name, group in shots.items())


def by_action(changes: Iterable[Change]) -> tuple[tuple[Action, tuple[Change, ...]], ...]:
    """Return changes by action, in the order of `SIGNS`, without the actions that do not occur."""
    actions: dict[Action, list[Change]] = {action: [] for action in SIGNS}
    for change in changes:
        actions[change.action].append(change)
    return tuple((action, tuple(group)) for action, group in actions.items() if group)


def by_axis(changes: Iterable[Change]) -> tuple[tuple[str, tuple[Group, ...]], ...]:
    """Return the paying changes by axis and value; an axis with one value only says nothing and is left out."""
    axes: dict[str, dict[str, list[Change]]] = {}
    for change in changes:
        if change.pays and change.job:
            for axis, value in change.job.axes:
                axes.setdefault(axis, {}).setdefault(value, []).append(change)
    return tuple(
        (axis, tuple(Group(name=value, changes=tuple(group)) for value, group in values.items()))
        for axis, values in axes.items()
        if len(values) > 1
    )
