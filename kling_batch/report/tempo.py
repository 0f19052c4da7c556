"""How fast a run goes: what happens in a minute, and how long the rest may take. Pure, seconds on the caller's clock.

The time left is worked out from the jobs of the same kind that this run saw from intent to file. Where one is still to
come of a kind of which none was seen, nothing is guessed.
"""

from collections import deque
from dataclasses import dataclass, field

MINUTE = 60.0
ENOUGH = 3  # jobs that tell how long the others take; the first to end are the quick ones
SHORTEST = 10.0  # a rate of the first seconds would be a rate of nothing
Kind = tuple[object, ...]


@dataclass(slots=True, kw_only=True)
class Rate:
    """How often something happens: counted by the second, forgotten after a minute."""

    began: float
    _seconds: deque[list[int]] = field(default_factory=deque)
    _count: int = 0

    def note(self, now: float) -> None:
        """Count one."""
        second = int(now - self.began)
        if self._seconds and self._seconds[-1][0] >= second:
            self._seconds[-1][1] += 1
        else:
            self._seconds.append([second, 1])
        self._count += 1
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0][0] < now - self.began - MINUTE:
            self._count -= self._seconds.popleft()[1]

    def a_minute(self, now: float) -> int:
        """Return how many there are in a minute, as things go."""
        self._forget(now)
        return round(self._count * MINUTE / min(MINUTE, max(SHORTEST, now - self.began)))


@dataclass(slots=True)
class Seen:
    """What is known of one kind of job: those that came to an end, those to send, those under way."""

    ended: int = 0
    seconds: float = 0.0
    to_send: int = 0
    flying: int = 0
    starts: float = 0.0
    latest: float = 0.0

    @property
    def mean(self) -> float | None:
        """Seconds from intent to file, `None` before three or half of them were seen to go all the way."""
        is_enough = self.ended >= ENOUGH or self.ended >= self.to_send + self.flying
        return self.seconds / self.ended if self.ended and is_enough else None


@dataclass(slots=True, kw_only=True)
class Tempo:
    """The durations of a run's jobs by kind; each step is told as it happens, and nothing is ever counted through."""

    in_flight: int
    submit_per_second: float
    kinds: dict[Kind, Seen] = field(default_factory=dict)

    def to_send(self, kind: Kind, by: int = 1) -> None:
        """Count a job that is to be sent, or with `by=-1` one that is not any more."""
        self.kinds.setdefault(kind, Seen()).to_send += by

    def begin(self, kind: Kind, now: float) -> None:
        """Count a job that is under way from now on."""
        seen = self.kinds.setdefault(kind, Seen())
        seen.flying += 1
        seen.starts += now
        seen.latest = max(seen.latest, now)

    def end(self, kind: Kind, began: float) -> None:
        """Count a job that was under way since `began`, and is not any more."""
        seen = self.kinds[kind]
        seen.flying -= 1
        seen.starts -= began

    def learn(self, kind: Kind, seconds: float) -> None:
        """Take in how long a job took that was seen all the way."""
        seen = self.kinds[kind]
        seen.ended += 1
        seen.seconds += seconds

    def left(self, now: float, submits_a_minute: int) -> float | None:
        """Return the seconds that may be left, `None` while there is too little to go by; 0 is later than usual.

        Submits go on as they went in the last minute: what the service bears is often less than what is allowed.
        """
        open_kinds = [seen for seen in self.kinds.values() if seen.to_send or seen.flying]
        if any(seen.mean is None for seen in open_kinds):
            return None
        to_send = sum(seen.to_send for seen in open_kinds)
        pace = min(self.submit_per_second, submits_a_minute / MINUTE or self.submit_per_second)
        jobs = to_send + sum(seen.flying for seen in open_kinds)
        work = sum(_work(seen, now) for seen in open_kinds)
        return max(
            work / max(1, min(self.in_flight, jobs)),
            to_send / pace + max((_last(seen, now) for seen in open_kinds), default=0.0),
            0.0,
        )


def _work(seen: Seen, now: float) -> float:
    """Return the seconds of service that the open jobs of a kind still take together."""
    mean = seen.mean or 0.0
    return seen.to_send * mean + max(0.0, seen.flying * mean - (seen.flying * now - seen.starts))


def _last(seen: Seen, now: float) -> float:
    """Return in how many seconds the youngest of a kind may be through."""
    mean = seen.mean or 0.0
    return mean if seen.to_send else seen.latest + mean - now
