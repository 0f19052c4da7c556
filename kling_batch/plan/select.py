"""Which jobs a verb is about: a shot's name, a key, a glob over keys, or a state."""

from collections.abc import Callable, Sequence

from kling_batch.job import Key
from kling_batch.plan.record import State


def selector(patterns: Sequence[str], states: Sequence[State] = ()) -> Callable[[Key, State], bool]:
    """Return the test that `hero`, `'hero/lang=de*'`, `hero/lang=de#1` and `--state failed` together describe.

    No pattern means every key, no state every state. A bare shot name means all of its jobs.
    """
    raise NotImplementedError
