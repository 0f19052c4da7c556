"""The words of the lifecycle table: what state a job is in, what can be answered, what can be commanded."""

from dataclasses import dataclass
from typing import TypeAlias

from kling_batch.api.answers import Accepted, LookAnswer
from kling_batch.events import Fact, Failure
from kling_batch.job import Key, TaskId
from kling_batch.run.ports import FetchAnswer, LinkDead


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """May be submitted. `tries` counts submits that made nothing; `resent` is set once absence was proven."""

    attempt: int
    tries: int = 0
    resent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """Nobody knows whether the submit made a task; `looked` look-ups by business id found none."""

    attempt: int
    looked: int = 0
    faults: int = 0
    resent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The service works on the task. `empty`, `refused`, `faults` count what went wrong in a row since."""

    attempt: int
    task: TaskId
    empty: int = 0
    refused: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """The video is there and is being brought home. `broken`, `bodies` and `refused` count what went wrong."""

    attempt: int
    task: TaskId
    urls: tuple[str, ...]
    expires: int | None = None
    broken: int = 0
    bodies: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Final: the video is here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """Final: no video, and no further try by itself."""

    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """Final for this run, `revivable` if look-up may still get proven: else a human decides, with `resolve`."""

    attempt: int
    why: str
    revivable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Final: the video existed, its link is dead."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Final for this run: nothing was lost, a later run goes on. `blocked` if only a person can help."""

    why: str
    blocked: bool = False


Final: TypeAlias = Finished | Dead | Unsettled | Gone | Left
State: TypeAlias = Ready | Doubtful | Waiting | Fetching | Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The run does no more for the job, and why: a signal, the account, the budget; `blocked` as in `Left`."""

    why: str
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contested:
    """The service named a task that belongs to another job."""

    task: TaskId


Answer: TypeAlias = Accepted | LookAnswer | FetchAnswer | LinkDead | Stop | Contested


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """Post the request, not before `after` seconds have passed."""

    after: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Look at the task after so many seconds; `None` leaves the time to the schedule of looks."""

    after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Look the job up by its business id after so many seconds."""

    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Bring the video home, from where it was left, after so many seconds."""

    after: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Nothing more in this run."""


Command: TypeAlias = Submit | Look | LookUp | Fetch | Rest
Step: TypeAlias = tuple[State, Fact | None, Command]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the table has to know beside state and answer. Times in seconds.

    `age` is how long this run has waited for the job, `deadline` how long it may; `proven` whether look-up by business
    id is proven now; `edited` whether the manifest asks for something else by now; `reads_only` whether nothing may be
    submitted; `last_attempt` bounds new tries; `expired` whether the link's time is over; `dice` a number from 0 to 1
    that spreads waits.
    """

    key: Key
    age: float
    deadline: float
    settle: float
    last_attempt: int
    proven: bool
    edited: bool = False
    reads_only: bool = False
    expired: bool = False
    dice: float = 0.5

    @property
    def late(self) -> bool:
        """Whether the job's time in this run is over."""
        return self.age >= self.deadline

    def backoff(self, tries: int, floor: float = 0.5, cap: float = 60.0) -> float:
        """Return the wait before another try: doubled each time, spread over its upper half."""
        return float(min(cap, floor * 2**tries) * (0.5 + self.dice / 2))

    def pause(self, tries: int, floor: float, cap: float = 60.0) -> float:
        """Return the wait before another look: a backoff that ends at the deadline, when the last look is due."""
        return min(self.backoff(tries, floor, cap), max(0.0, self.deadline - self.age))
