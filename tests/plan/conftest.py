"""Jobs, facts and records to hold plans against, as factories."""

import hashlib
from collections.abc import Callable, Iterable
from decimal import Decimal

import pytest

from kling_batch.events import Completed, Done, Fact, Failed, Failure, Intended, Opened, Submitted
from kling_batch.job import Job, Key, Request, TaskId, business_id, key_of, slug_of, spec_of
from kling_batch.plan.lockfile import Lock, fold


class Story:
    """One job's facts, told in short words; each call returns the next fact."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def opened(self) -> Opened:
        spec = self.job.spec
        return Opened(key=self.job.key, spec=spec.hash, parts=spec.parts, output=self.job.output)

    def intended(self, *, generation: int = 1, attempt: int = 1, usd: str | None = "0.184") -> Intended:
        job = self.job
        return Intended(
            key=job.key,
            spec=job.spec.hash,
            parts=job.spec.parts,
            generation=generation,
            attempt=attempt,
            business_id=business_id("spring", job.key, job.spec.hash, generation, attempt),
            output=job.output,
            usd=None if usd is None else Decimal(usd),
        )

    def submitted(self, task: str = "tsk_1") -> Submitted:
        return Submitted(key=self.job.key, task=TaskId(task))

    def completed(self, task: str = "tsk_1", *, expires: int | None = 1000, usd: str | None = None) -> Completed:
        told = None if usd is None else Decimal(usd)
        return Completed(key=self.job.key, task=TaskId(task), expires=expires, usd=told)

    def done(self, content: str = "video", *, kept: str = "", output: str | None = None) -> Done:
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        where = output or self.job.output
        return Done(key=self.job.key, output=where, sha256=sha256, bytes=8123456, seconds=5.04, kept=kept)

    def failed(self, kind: str = "transient", usd: str | None = None) -> Failed:
        failure = Failure(kind=kind, code="upstream", message="try later")  # type: ignore[arg-type]  # a literal
        return Failed(key=self.job.key, failure=failure, usd=None if usd is None else Decimal(usd))

    def bought(self, task: str = "tsk_1", content: str = "video", *, kept: str = "", **which: int) -> tuple[Fact, ...]:
        """Everything from the record's opening to the verified video."""
        return (
            self.opened(),
            self.intended(**which),
            self.submitted(task),
            self.completed(task),
            self.done(content, kept=kept),
        )


@pytest.fixture
def job() -> Callable[..., Job]:
    """Make a job of a shot without axes."""

    def make(shot: str = "hero", take: str = "1", output: str = "", **request: object) -> Job:
        wanted = Request(**({"prompt": "a kettle"} | request))  # type: ignore[arg-type]  # what the test says
        return Job(
            key=key_of(shot, (), take),
            shot=shot,
            axes=(),
            take=take,
            slug=slug_of((), take),
            request=wanted,
            spec=spec_of(wanted),
            output=output or f"{shot}/t{take}.mp4",
        )

    return make


@pytest.fixture
def story() -> Callable[[Job], Story]:
    """Tell one job's facts."""
    return Story


@pytest.fixture
def lock_of() -> Callable[[Iterable[Fact]], Lock]:
    """Return the lock that facts make out of nothing."""

    def make(facts: Iterable[Fact]) -> Lock:
        return fold(Lock(project="spring", service="https://toapis.com", jobs={}), facts)

    return make


@pytest.fixture
def hero() -> Key:
    """Return the key of the job that most tests are about."""
    return Key("hero#1")
