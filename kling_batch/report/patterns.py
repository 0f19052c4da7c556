"""What failures have in common: the value of an axis, or the shot, that all of one kind share."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kling_batch.plan.record import State
from kling_batch.report.cards import Card

FEWEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """All `count` failures of one kind have `axis` (or `shot`) equal to `value`, where other jobs have other values.

    `of` is how many jobs have that value, failed or not.
    """

    kind: str
    count: int
    axis: str
    value: str
    of: int

    def __str__(self) -> str:
        """Say it in words."""
        whole = "" if self.of != self.count else ", and no job with it came through"
        return f"all {self.count} {_PLURAL.get(self.kind, self.kind)} have {self.axis}={self.value}{whole}"


_PLURAL = {
    "rejected": "rejections",
    "invalid": "invalid requests",
    "transient": "transient failures",
    "failed": "failures",
}


def patterns(cards: Sequence[Card]) -> tuple[Pattern, ...]:
    """Return what the failures have in common, for each kind with at least two of them."""
    failed = [card for card in cards if card.state is State.FAILED]
    kinds = dict.fromkeys(card.failure.kind if card.failure else "failed" for card in failed)
    return tuple(
        pattern for kind in kinds for pattern in _common(kind, [card for card in failed if _kind(card) == kind], cards)
    )


def _kind(card: Card) -> str:
    return card.failure.kind if card.failure else "failed"


def _common(kind: str, failed: Sequence[Card], every: Sequence[Card]) -> Iterator[Pattern]:
    if len(failed) < FEWEST:
        return
    shared = set.intersection(*(set(_values(card)) for card in failed))
    known = Counter(value for card in every for value in set(_values(card)))
    for axis, value in sorted(shared):
        if known[axis, value] < len(every):  # a value that every job has explains nothing
            yield Pattern(kind=kind, count=len(failed), axis=axis, value=value, of=known[axis, value])


def _values(card: Card) -> Iterator[tuple[str, str]]:
    yield "shot", card.shot
    yield from card.axes
