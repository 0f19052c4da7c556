"""Whether the next submit may go out: the run's one door for money, pure.

It holds the in-flight window (the run's semaphore), the POSTs on the wire, the canary, the streaks of failed and unsure
jobs, the budgets, and the reasons why submitting stopped, if it did. `note` is its table: what an answer means for it.
"""

import enum
from dataclasses import dataclass, field
from decimal import Decimal

from kling_batch.api.answers import Accepted, Completed, Fault, FaultKind, TaskFailed
from kling_batch.job import Key
from kling_batch.manifest.model import RunSettings
from kling_batch.run.lifecycle import told
from kling_batch.run.states import (
    Answer,
    Contested,
    Dead,
    Doubtful,
    Finished,
    Gone,
    Left,
    Ready,
    State,
    Stop,
    Unsettled,
    Waiting,
)

UNSURE_STREAK = 3


class Halt(enum.IntEnum):
    """Why a run submits nothing more, each with its exit code (design section 7)."""

    CAPPED = 5
    HUMAN = 6
    ACCOUNT = 8
    SIGNAL = 130


class Verdict(enum.Enum):
    """What the gate says to one job: go out, wait for something to end, or never in this run."""

    GO = "go"
    WAIT = "wait"
    NEVER = "never"


@dataclass(slots=True, kw_only=True)
class Gate:
    """The gate's memory of one run.

    `spent` is USD of the whole campaign, billed or expected, `bought` of this invocation. `window` is the in-flight
    limit as it stands; it halves when the service says "too many" and grows by one for each window of successes.
    """

    settings: RunSettings
    spent: Decimal
    budget: Decimal | None = None
    limit: int | None = None
    window: float = 0.0
    bought: Decimal = Decimal(0)
    submits: int = 0
    canary: bool = True
    failures: int = 0
    halts: dict[Halt, str] = field(default_factory=dict)
    _prices: dict[Key, Decimal] = field(default_factory=dict)
    _counted: set[Key] = field(default_factory=set)
    """Whose attempt is among `submits`: what is sent again under the same id is no second one."""
    _wire: set[Key] = field(default_factory=set)
    _flying: set[Key] = field(default_factory=set)
    _streak: dict[Key, bool | None] = field(default_factory=dict)
    """The last submits in a row with an unknown outcome: `None` in doubt, `True` left unsure, `False` settled."""

    def __post_init__(self) -> None:
        self.window = self.window or float(self.settings.in_flight)

    def halt(self, reason: Halt, why: str) -> None:
        """Stop submitting; what is paid for is still collected. The first words for each reason are kept."""
        self.halts.setdefault(reason, why)

    def judge(self, key: Key, usd: Decimal | None) -> tuple[Verdict, str]:
        """Say whether a job of this price may be submitted now, and if never, why; one sent again is counted once."""
        if self.halts:
            return Verdict.NEVER, self.halts[max(self.halts)]
        if self.limit is not None and self.submits >= self.limit and key not in self._counted:
            return Verdict.NEVER, f"the limit of {self.limit} submits is reached"
        if over := self._over(usd, self._prices.get(key, Decimal(0))):
            return Verdict.NEVER, over
        full = len(self._flying) + len(self._wire) >= int(self.window)
        posts = 1 if self.canary else self.settings.posts
        in_doubt = None in self._streak.values() and (self.canary or len(self._streak) >= UNSURE_STREAK)
        return (Verdict.WAIT if full or in_doubt or len(self._wire) >= posts else Verdict.GO), ""

    def _over(self, usd: Decimal | None, counted: Decimal) -> str:
        caps = ((self.settings.budget, self.spent, "run.budget"), (self.budget, self.bought, "--budget"))
        for cap, so_far, name in caps:
            if cap is None:
                continue
            if usd is None:
                return f"its price is unknown and {name} is set: say it under `prices:`"
            if so_far - counted + usd > cap:
                return f"it costs ${usd:f}, and ${cap - so_far + counted:f} of {name} is left"
        return ""

    def posting(self, key: Key, usd: Decimal | None) -> None:
        """Count a submit that is about to go out."""
        self._wire.add(key)
        self.submits += key not in self._counted
        self._counted.add(key)
        self._pay(key, usd or Decimal(0))

    def resumed(self, key: Key) -> None:
        """Count a task of an earlier run: it takes a place in the window, and says nothing about the canary."""
        self._flying.add(key)

    def note(self, key: Key, before: State, answer: Answer, after: State) -> None:
        """Take in what one answer did to one job."""
        match before, after:
            case Ready(resent=in_doubt), _:
                self._submitted(key, answer, after, in_doubt=in_doubt)
            case Doubtful(), Unsettled():
                self._settle(key, unsure=True)
            case Doubtful(), Waiting():
                self._settle(key, unsure=False)
                self._flying.add(key)
            case Doubtful(), Ready():
                self._settle(key, unsure=False)
            case _, Finished():
                self._landed(key, failed=False)
                self.window = min(float(self.settings.in_flight), self.window + 1 / self.window)
            case _, Dead():
                self._landed(key, failed=True)
            case _, Left() | Gone():
                self._flying.discard(key)
        if isinstance(answer, Fault) and answer.kind is FaultKind.AUTH:
            self.halt(Halt.ACCOUNT, _advised(answer))
        self._bill(key, answer, after)

    def _submitted(self, key: Key, answer: Answer, after: State, *, in_doubt: bool) -> None:
        """Take in what became of a submit; one that follows another `in_doubt` stays counted whatever it met itself."""
        if key not in self._wire:
            return
        self._wire.discard(key)
        match answer:
            case Accepted():
                self._flying.add(key)
                self._streak.clear()
                self.canary = False
            case Contested():
                self.halt(Halt.HUMAN, f"the service gave {key} a task of another job")
            case Fault(kind=FaultKind.UNCLEAR):
                self._streak[key] = None
            case Fault():
                if not in_doubt:
                    self._not_sent(key)
                self._refused(answer, after)
            case Stop() if not in_doubt:
                self._not_sent(key)

    def _not_sent(self, key: Key) -> None:
        """Take a submit back that bought nothing."""
        self.submits -= 1
        self._counted.discard(key)
        self._pay(key, Decimal(0))

    def _refused(self, fault: Fault, after: State) -> None:
        match fault.kind:
            case FaultKind.BALANCE | FaultKind.CONFIGURATION:
                self.halt(Halt.ACCOUNT, _advised(fault))
            case FaultKind.BUSY:
                self.window = max(1.0, (len(self._flying) or self.window) / 2)
            case FaultKind.UNSENT if isinstance(after, Left | Unsettled):
                self.halt(Halt.ACCOUNT if self.canary else Halt.CAPPED, f"the service cannot be reached: {told(fault)}")
            case FaultKind.REFUSED:
                self._count(failed=True)
            case _:
                pass

    def _settle(self, key: Key, *, unsure: bool) -> None:
        if key not in self._streak:
            return
        self._streak[key] = unsure
        if len(self._streak) < UNSURE_STREAK or None in self._streak.values():
            return
        left = sum(each is True for each in self._streak.values())
        if left >= UNSURE_STREAK:
            self.halt(Halt.HUMAN, f"{left} submits in a row are left unsure")
        self._streak.clear()

    def _landed(self, key: Key, *, failed: bool) -> None:
        self._flying.discard(key)
        self._count(failed=failed)

    def _count(self, *, failed: bool) -> None:
        self.failures = self.failures + 1 if failed else 0
        if self.failures >= self.settings.max_failures:
            self.halt(Halt.CAPPED, f"{self.failures} jobs failed in a row")

    def _bill(self, key: Key, answer: Answer, after: State) -> None:
        match answer:
            case Completed(billing=billing) | TaskFailed(billing=billing) if billing and key in self._prices:
                usd = Decimal(0) if billing.refunded else billing.usd
                self._pay(key, self._prices[key] if usd is None else usd)
            case _:
                pass
        if isinstance(answer, TaskFailed) and isinstance(after, Ready):
            self._flying.discard(key)
            self._counted.discard(key)
            self._prices.pop(key, None)

    def _pay(self, key: Key, usd: Decimal) -> None:
        before = self._prices.get(key, Decimal(0))
        self._prices[key] = usd
        self.spent += usd - before
        self.bought += usd - before


_ADVICE = {
    FaultKind.AUTH: "see that `TOAPIS_API_KEY` is the key that the console shows",
    FaultKind.BALANCE: "top up the account",
    FaultKind.CONFIGURATION: "see that `TOAPIS_BASE_URL` is right and that the account has the model",
}


def _advised(fault: Fault) -> str:
    """Return what an account fault says, and what to do about it before the next run."""
    return f"{told(fault)}; {_ADVICE[fault.kind]}, and run again"
