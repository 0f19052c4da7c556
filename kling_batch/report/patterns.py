"""What failures have in common: the value of an axis, or the shot, that all or most of one kind share."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kling_batch.plan.record import State
from kling_batch.report.cards import Card

FEWEST = 2
MOST = 0.75  # the share of failures from which a value that not all of them have is told
LIFT = 2.0  # how much likelier a job with that value has to fail than one without

_Value = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Of all `failed` jobs that failed in one way, `count` have `axis` (or `shot`) equal to `value`.

    `of` is how many jobs have that value, failed or not. Without an axis nothing tells these failures from other jobs.
    """

    kind: str
    count: int
    failed: int
    axis: str = ""
    value: str = ""
    of: int = 0

    def __str__(self) -> str:
        """Say it in words."""
        name = _NAMES.get(self.kind, (self.kind, f"{self.kind}s"))[self.failed != 1]
        if not self.axis:
            return f"{self.failed} {name}"
        share = f"all {self.count}" if self.count == self.failed else f"{self.count} of {self.failed}"
        alone = ", and no job with it came through" if self.of == self.count else ""
        return f"{share} {name} have {self.axis}={self.value}{alone}"


_NAMES = {
    "rejected": ("rejection", "rejections"),
    "invalid": ("invalid request", "invalid requests"),
    "transient": ("transient failure", "transient failures"),
    "failed": ("failure", "failures"),
}


def patterns(cards: Sequence[Card]) -> tuple[Pattern, ...]:
    """Return what the failures have in common, each kind of them by itself, in the order in which they are met."""
    known = Counter(value for card in cards for value in _values(card))
    kinds: dict[str, list[Card]] = {}
    for card in cards:
        if card.state is State.FAILED:
            kinds.setdefault(card.failure.kind if card.failure else "failed", []).append(card)
    return tuple(
        pattern
        for kind, failed in kinds.items()
        for pattern in tuple(_shared(kind, failed, known, len(cards)))
        or (Pattern(kind=kind, count=len(failed), failed=len(failed)),)
    )


def _shared(kind: str, failed: Sequence[Card], known: Counter[_Value], jobs: int) -> Iterator[Pattern]:
    """Yield the values that all failures have, else the one that most have and that makes failing likelier."""
    if len(failed) < FEWEST:
        return
    counts = Counter(value for card in failed for value in _values(card))
    telling = {value: count for value, count in counts.items() if known[value] < jobs}  # else it explains nothing
    every = sorted(value for value, count in telling.items() if count == len(failed))
    likely = [value for value in telling if _is_likely(telling[value], known[value], len(failed), jobs)]
    for axis, value in every or sorted(likely, key=lambda value: (-telling[value], value))[:1]:
        count, of = telling[axis, value], known[axis, value]
        yield Pattern(kind=kind, count=count, failed=len(failed), axis=axis, value=value, of=of)


def _is_likely(count: int, of: int, failed: int, jobs: int) -> bool:
    """Say whether most failures have a value, and jobs with it fail so much more often that it is worth a look."""
    with_it, without_it = count / of, (failed - count) / (jobs - of)
    return count >= MOST * failed and with_it >= LIFT * without_it


def _values(card: Card) -> Iterator[_Value]:
    yield "shot", card.shot
    yield from card.axes
