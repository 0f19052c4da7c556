"""Which jobs a verb is about: a shot's name, a key, a glob over keys, or a state."""

import re
from collections.abc import Callable, Iterable, Sequence

from kling_batch.job import Key
from kling_batch.plan.record import State


def selector(patterns: Sequence[str], states: Sequence[State] = ()) -> Callable[[Key, State], bool]:
    """Return the test that `hero`, `'hero/lang=de*'`, `hero/lang=de#1` and `--state failed` together describe.

    No pattern means every key, no state every state. A pattern without `#` means every take, and without `/` too every
    job of the shot. `*` and `?` are the only wildcards; all else, commas and brackets too, stands for itself.
    """
    tests = tuple(map(_test, patterns))
    wanted = frozenset(states)

    def selects(key: Key, state: State) -> bool:
        return (not wanted or state in wanted) and (not tests or any(test(key) for test in tests))

    return selects


def unmatched(patterns: Sequence[str], keys: Iterable[Key]) -> tuple[str, ...]:
    """Return the patterns that no key matches: most likely a misspelt shot."""
    every = tuple(keys)
    return tuple(pattern for pattern in patterns if not any(map(_test(pattern), every)))


def _test(pattern: str) -> Callable[[Key], bool]:
    matches = re.compile("".join(_WILD.get(each) or re.escape(each) for each in pattern), re.DOTALL).fullmatch
    any_take = "#" not in pattern
    any_job = any_take and "/" not in pattern

    def test(key: Key) -> bool:
        if matches(key):
            return True
        jobs, _, _ = key.rpartition("#")
        shot, _, _ = jobs.partition("/")
        return bool((any_take and matches(jobs)) or (any_job and matches(shot)))

    return test


_WILD = {"*": ".*", "?": "."}
