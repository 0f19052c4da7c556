"""A lock that git has left in conflict is read all the same; whoever reads it tells what was put together."""

from collections.abc import Iterable

from kling_batch import store
from kling_batch.job import Job
from kling_batch.plan.heal import first_mark, heal
from kling_batch.plan.lockfile import LIMIT, Lock, parse
from kling_batch.run.workspace import Campaign
from kling_batch.text.decode import decode
from kling_batch.text.diagnostic import Diagnostic, errors
from kling_batch.text.source import Source


def read_lock(source: Source, jobs: Iterable[Job]) -> tuple[Lock | None, tuple[Diagnostic, ...]]:
    """Return what a lock's text says, healed where git has left marks of a conflict in it; else as `parse`."""
    if first_mark(source.text):
        return heal(source, frozenset(job.key for job in jobs))
    return parse(source)


def is_marked(content: bytes) -> bool:
    """Say whether git has left marks of a conflict in a lock file of that content."""
    return b"\n<<<<<<<" in content or content.startswith(b"<<<<<<<")


def healings(campaign: Campaign) -> tuple[Diagnostic, ...]:
    """Return the warnings about a lock that is read although it is in conflict; else reading it tells."""
    try:
        content = store.read_bytes(campaign.places.lock, LIMIT)
    except OSError:
        return ()
    if not is_marked(content):
        return ()
    source, _ = decode(campaign.places.lock.name, content, limit=LIMIT)
    told = read_lock(source, campaign.manifest.jobs)[1] if source else ()
    return () if errors(told) else told
