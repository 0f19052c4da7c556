"""Which jobs a command line means; a selector that means none is a slip of the pen, and is told as one."""

from collections.abc import Collection, Sequence

from kling_batch.errors import UsageError
from kling_batch.job import Key
from kling_batch.plan.select import unmatched
from kling_batch.text.render import did_you_mean, listed

MOST_LISTED = 8


def check_selectors(patterns: Sequence[str], keys: Collection[Key]) -> None:
    """Raise `UsageError` for selectors that mean none of these keys."""
    strays = unmatched(patterns, keys)
    if strays:
        raise UsageError(f"no job is meant by {listed(strays)}", help=_meant(strays[0], keys))


def _meant(pattern: str, keys: Collection[Key]) -> str:
    shots = list(dict.fromkeys(key.partition("/")[0].partition("#")[0] for key in keys))
    near = did_you_mean(pattern, [*shots, *keys])
    if near:
        return f"did you mean `{near}`?"
    if not shots:
        return "the manifest has no jobs"
    rest = f" and {len(shots) - MOST_LISTED} more" if len(shots) > MOST_LISTED else ""
    return f"the shots are {listed(shots[:MOST_LISTED])}{rest}"
