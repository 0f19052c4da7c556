"""Which jobs a command line means; a selector that means none is a slip of the pen, and is told as one."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from kling_batch.errors import UsageError
from kling_batch.job import Key
from kling_batch.plan.select import selector, unmatched
from kling_batch.text.render import did_you_mean, listed

if TYPE_CHECKING:
    from kling_batch.plan.diff import Change

MOST_LISTED = 8


def check_selectors(patterns: Sequence[str], keys: Collection[Key]) -> None:
    """Raise `UsageError` for selectors that mean none of these keys."""
    strays = unmatched(patterns, keys)
    if strays:
        raise UsageError(f"no job is meant by {listed(strays)}", help=_meant(strays[0], keys))


def meant_by(patterns: Sequence[str], changes: "Sequence[Change]") -> "tuple[Change, ...]":
    """Return the changes that selectors mean, by their own key or by the one that the lock still has.

    Raises `UsageError` for selectors that mean none.
    """
    check_selectors(patterns, [key for change in changes for key in _names(change)])
    means = selector(patterns)
    return tuple(change for change in changes if any(means(key, change.state) for key in _names(change)))


def _names(change: "Change") -> tuple[Key, ...]:
    return (change.key, change.origin) if change.origin else (change.key,)


def _meant(pattern: str, keys: Collection[Key]) -> str:
    shots = list(dict.fromkeys(key.partition("/")[0].partition("#")[0] for key in keys))
    near = did_you_mean(pattern, [*shots, *keys])
    if near:
        return f"did you mean `{near}`?"
    if not shots:
        return "the manifest has no jobs"
    rest = f" and {len(shots) - MOST_LISTED} more" if len(shots) > MOST_LISTED else ""
    return f"the shots are {listed(shots[:MOST_LISTED])}{rest}"
