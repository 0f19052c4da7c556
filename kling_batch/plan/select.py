"""Which jobs a verb is about: a shot's name, a key, a glob over keys, a state, a share of them, or a sample."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from kling_batch.job import Key
from kling_batch.plan.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a command line says about which jobs it means; what is left out selects everything.

    `chosen` are the jobs for which `--where` is true. `shard` is `(2, 8)` for the second of eight shares, `sample` how
    many jobs are drawn, of each shot if `by_shot`. Share and sample go by the hash of the key: the same jobs on every
    machine, whatever else the manifest holds.
    """

    patterns: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    excluded: tuple[str, ...] = ()
    chosen: frozenset[Key] | None = None
    shard: tuple[int, int] | None = None
    sample: int | None = None
    by_shot: bool = False


def selection_of(only: Sequence[str] | Selection, chosen: frozenset[Key] | None = None) -> Selection:
    """Return the selection that patterns are, with the jobs that `--where` has chosen; a selection is itself."""
    selection = only if isinstance(only, Selection) else Selection(patterns=tuple(only))
    return selection if chosen is None else replace(selection, chosen=chosen)


def selected(selection: Selection, jobs: Iterable[tuple[Key, State]]) -> frozenset[Key]:
    """Return the keys that a selection means; the sample is drawn last, from all that the rest leaves."""
    wanted = selector(selection.patterns, selection.states)
    unwanted = tuple(map(_test, selection.excluded))
    found = {
        key: _hash(key)
        for key, state in jobs
        if wanted(key, state)
        and (selection.chosen is None or key in selection.chosen)
        and not any(test(key) for test in unwanted)
    }
    if selection.shard is not None:
        number, count = selection.shard
        found = {key: own for key, own in found.items() if own % count == number - 1}
    if selection.sample is None:
        return frozenset(found)
    groups: dict[str, list[Key]] = {}
    for key in sorted(found, key=lambda key: found[key]):
        groups.setdefault(_shot(key) if selection.by_shot else "", []).append(key)
    return frozenset(key for group in groups.values() for key in group[: selection.sample])


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
        return bool((any_take and matches(jobs)) or (any_job and matches(_shot(key))))

    return test


_WILD = {"*": ".*", "?": "."}


def _shot(key: Key) -> str:
    return key.rpartition("#")[0].partition("/")[0]


def _hash(key: Key) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest())
