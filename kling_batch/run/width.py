"""How many downloads at once: as many as help, pure.

Nobody tells how wide a link is, or how many streams the file host serves at full speed. So after each round of
downloads the width goes one step on. A step up has to bring more bytes a second, else the next one goes down; a step
down may go on until it costs some. So it ends beside the fewest that fill the link, and follows it when it changes.
"""

from dataclasses import dataclass

FEWEST, MOST = 2, 24
STEP = 2
NOTICED = 0.05  # of a rate; less may be chance


@dataclass(slots=True, kw_only=True)
class Width:
    """The width of one run's downloads. Times in seconds on the caller's clock, sizes in bytes."""

    now: int = 6
    _step: int = STEP
    _rate: float = 0.0
    _began: float | None = None
    _files: int = 0
    _bytes: int = 0

    def landed(self, at: float, size: int, *, crowded: bool) -> int:
        """Take in a download that is done, and return how many may be at once from now on.

        `crowded` says whether another one waits for its place: where none does, more places would change nothing.
        """
        if not crowded or self._began is None:
            self._begin(at if crowded else None)
            return self.now
        self._files, self._bytes = self._files + 1, self._bytes + size
        if self._files >= 2 * self.now and at > self._began:
            rate = self._bytes / (at - self._began)
            gain = rate / self._rate - 1 if self._rate else 1.0
            if gain < (NOTICED if self._step > 0 else -NOTICED):
                self._step = -self._step
            self.now, self._rate = min(MOST, max(FEWEST, self.now + self._step)), rate
            self._begin(at)
        return self.now

    def _begin(self, at: float | None) -> None:
        self._began, self._files, self._bytes = at, 0, 0
