"""What a run spends, as its events tell it: settled, committed, and what the budgets leave. Pure, USD.

A charge is *committed* from its intent on, and *spent* once the service has settled it. What earlier runs have in
flight is committed from the start, and never counts as spent here: the run that sent it has spent it.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from kling_batch.events import Cleared, Completed, Done, Event, Failed, Intended, Lost, Restored
from kling_batch.job import Key
from kling_batch.plan.cost import Sum

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """A budget, and how much of it was taken when the run began."""

    usd: Decimal
    taken: Decimal


@dataclass(slots=True, kw_only=True)
class Spending:
    """The fold of a run's events into money; `None` as a charge is one of unknown price."""

    earlier: dict[Key, Decimal | None] = field(default_factory=dict)
    caps: tuple[Cap, ...] = ()
    _open: dict[Key, Decimal | None] = field(default_factory=dict)
    _committed: Decimal = NOTHING
    _committed_unknown: int = 0
    _spent: Decimal = NOTHING
    _spent_unknown: int = 0
    _earlier: Decimal = NOTHING

    def __post_init__(self) -> None:
        self._earlier = sum((usd for usd in self.earlier.values() if usd), NOTHING)
        for key, usd in self.earlier.items():
            self._commit(key, usd)

    @property
    def committed(self) -> Sum:
        """What is in flight or unsure, that of earlier runs with it."""
        return Sum(usd=self._committed, unknown=self._committed_unknown)

    @property
    def spent(self) -> Sum:
        """What this run has sent and the service has settled."""
        return Sum(usd=self._spent, unknown=self._spent_unknown)

    @property
    def budget(self) -> Decimal | None:
        """The cap that leaves least, `None` where there is none."""
        tightest = min(self.caps, key=self._left_of, default=None)
        return tightest.usd if tightest else None

    @property
    def left(self) -> Decimal | None:
        """What may still be bought under every cap, `None` where there is none."""
        return min(map(self._left_of, self.caps), default=None)

    def _left_of(self, cap: Cap) -> Decimal:
        bought = self._spent + self._committed - self._earlier
        return max(NOTHING, cap.usd - cap.taken - bought)

    def see(self, event: Event) -> None:
        """Take in the next event."""
        match event:
            case Intended() if event.key not in self.earlier:
                self._release(event.key)
                self._commit(event.key, event.usd)
            case Cleared() if event.key not in self.earlier:
                self._release(event.key)
            case Completed() | Failed():
                self._settle(event.key, event.usd)
            case Done() | Restored() | Lost():
                self._settle(event.key, None)
            case _:
                pass

    def _commit(self, key: Key, usd: Decimal | None) -> None:
        self._open[key] = usd
        self._committed += usd or NOTHING
        self._committed_unknown += usd is None

    def _release(self, key: Key) -> None:
        if key in self._open:
            usd = self._open.pop(key)
            self._committed -= usd or NOTHING
            self._committed_unknown -= usd is None

    def _settle(self, key: Key, billed: Decimal | None) -> None:
        if key not in self._open:
            return
        expected = self._open[key]
        self._release(key)
        if key in self.earlier:
            self._earlier -= self.earlier.pop(key) or NOTHING
            return
        usd = expected if billed is None else max(NOTHING, billed)
        self._spent += usd or NOTHING
        self._spent_unknown += usd is None


def caps(*told: tuple[Decimal | None, Decimal]) -> tuple[Cap, ...]:
    """Return the caps that are set, of pairs of a budget and what was taken of it before this run."""
    return tuple(Cap(usd=usd, taken=taken) for usd, taken in told if usd is not None)
