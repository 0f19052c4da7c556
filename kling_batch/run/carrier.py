"""The hands of the engine: one command carried out against the service, and what came of it as an answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import assert_never

import anyio

from kling_batch.api.answers import Fault, FaultKind
from kling_batch.events import Event, Intended, Received, Told
from kling_batch.run.collect import Collector
from kling_batch.run.courses import Course
from kling_batch.run.lifecycle import told
from kling_batch.run.ports import Service
from kling_batch.run.states import (
    Answer,
    Command,
    Fetch,
    Fetching,
    Look,
    LookUp,
    Ready,
    Rest,
    Stop,
    Submit,
    Waiting,
)
from kling_batch.run.uploads import Uploads

LONG_PAUSE = 30.0  # seconds; a shorter one is not worth a word


@dataclass(slots=True, kw_only=True)
class Carrier:
    """Carries commands out, one at a time for each job. `record` makes facts durable and shows signs."""

    service: Service
    collector: Collector
    uploads: Uploads
    record: Callable[[Event], Awaitable[None]]
    _pause_ends: float = field(default=0.0, init=False)

    async def carry_out(self, course: Course, command: Command) -> Answer:
        """Do what the table commands, and return what came of it; raises `DiskError` alone."""
        answer = await self._answer(course, command)
        if isinstance(answer, Fault) and (answer.wait or 0.0) >= LONG_PAUSE:
            await self._tell_pause(answer, answer.wait or 0.0)
        return answer

    async def _tell_pause(self, fault: Fault, seconds: float) -> None:
        """Say that the service asks for a pause, once for each: a run that is silent for long looks as if it hung."""
        now = anyio.current_time()
        if now >= self._pause_ends:
            self._pause_ends = now + seconds
            await self.record(Told(level="note", message=f"the service asks to wait {seconds:.0f} s: {told(fault)}"))

    async def _answer(self, course: Course, command: Command) -> Answer:
        match command:
            case Submit():
                return await self._submit(course)
            case Look():
                return await self._look(course)
            case LookUp():
                return await self.service.look(course.business_id)
            case Fetch():
                return await self._fetch(course)
            case Rest():
                raise AssertionError("nothing is carried out for a job at rest")
            case _:
                assert_never(command)

    async def _submit(self, course: Course) -> Answer:
        course.sent = False
        urls = await self.uploads.urls(course.job.request)
        match urls:
            case Stop():
                return urls
            case Fault(kind=FaultKind.AUTH | FaultKind.BALANCE | FaultKind.CONFIGURATION):
                return urls
            case Fault(kind=FaultKind.REFUSED):
                return Stop(why=f"the service refuses an image: {urls.message}", blocked=True)
            case Fault():  # an upload buys nothing: whatever went wrong, the job was not sent
                return Fault(kind=FaultKind.UNSENT, status=urls.status, message=urls.message, wait=urls.wait)

        async def on_wire() -> None:
            course.sent = True
            await self.record(self._intent(course))

        body = course.job.request.body(urls) | {"client_business_id": str(course.business_id)}
        return await self.service.submit(body, on_wire)

    @staticmethod
    def _intent(course: Course) -> Intended:
        attempt = course.state.attempt if isinstance(course.state, Ready) else 1
        return Intended(
            key=course.key,
            spec=course.job.spec.hash,
            parts=course.job.spec.parts,
            generation=course.generation,
            attempt=attempt,
            business_id=course.business_id,
            output=course.output,
            usd=course.price,
        )

    async def _look(self, course: Course) -> Answer:
        if not isinstance(course.state, Waiting):
            raise AssertionError(f"{course.key} is looked at while {course.state}")
        return await self.service.look(course.state.task)

    async def _fetch(self, course: Course) -> Answer:
        if not isinstance(course.state, Fetching):
            raise AssertionError(f"{course.key} is fetched while {course.state}")

        async def show(so_far: int, total: int | None) -> None:
            await self.record(Received(key=course.key, bytes=so_far, total=total))

        return await self.collector.bring(course, course.state.task, course.state.urls[0], show)
