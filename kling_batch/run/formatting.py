"""A lock written in its one form, with what only the journal knows left to the next run."""

from kling_batch import store
from kling_batch.plan.lockfile import format as format_text
from kling_batch.run.holding import hold
from kling_batch.run.planning import lock_of
from kling_batch.run.workspace import Campaign


def format_lock(campaign: Campaign, *, writes: bool) -> bool:
    """Say whether a campaign's lock is not in its one form, and write it so if `writes`.

    Raises `StateError` where it cannot be read, or a job of a conflict cannot be decided, and `LockHeldError` where
    a run would overwrite it.
    """
    if not writes:
        return _text(campaign) is not None
    with hold(campaign):
        text = _text(campaign)
        if text is not None:
            store.write_atomic(campaign.places.lock, text)
        return text is not None


def _text(campaign: Campaign) -> bytes | None:
    """Return what the lock should be, or `None` where it is that, or is not there."""
    lock, content = lock_of(campaign)
    text = format_text(lock).encode() if lock else b""
    return text if text != content else None
