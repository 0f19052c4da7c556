"""Where a job stands: a module of its own, because the command line asks for these words before it reads anything."""

import enum


class State(enum.Enum):
    """Where a job stands, as `status` tells it."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"
    UNSURE = "unsure"
    LOST = "lost"
