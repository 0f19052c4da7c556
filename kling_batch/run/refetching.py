"""What the lock calls done and is not here, fetched again: the service is asked for tasks that it made, never for more.

Nothing here changes the lock. It knows the checksum already, and a video with another one is not believed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import anyio

from kling_batch.api.answers import Absent, Completed, Fault, FaultKind, LinkDead, TaskFailed
from kling_batch.job import BusinessId, Job, Key, TaskId
from kling_batch.run.collect import Collector, Offload, sidecar
from kling_batch.run.courses import Course
from kling_batch.run.lifecycle import told
from kling_batch.run.ports import Broken, Brought, Damaged, FetchAnswer, InTheWay, NoVideo, Service
from kling_batch.run.refreshing import stand_in
from kling_batch.run.runner import in_thread
from kling_batch.run.shelf import Shelf
from kling_batch.run.states import Waiting
from kling_batch.run.verifying import Finding, Trouble, checked
from kling_batch.run.workspace import Campaign

TRIES = 4
FIRST_WAIT = 0.5  # seconds before the second try, doubled each time
AT_ONCE = 6


async def fetch(
    campaign: Campaign, findings: Sequence[Finding], service: Service, offload: Offload = in_thread
) -> tuple[Finding, ...]:
    """Return what is found once the service was asked for what is missing; it never submits, and never overwrites.

    To be held. A sidecar that is missing is written again, and needs no service.
    """
    again = _Again(
        campaign=campaign,
        service=service,
        offload=offload,
        jobs={job.key: job for job in campaign.manifest.jobs},
        limiter=anyio.Semaphore(AT_ONCE),
    )
    after = list(findings)

    async def one(at: int, file: Finding) -> None:
        after[at] = await again.found(file)

    async with anyio.create_task_group() as tasks:
        for at, file in enumerate(findings):
            if file.trouble in {Trouble.MISSING, Trouble.UNLABELLED} and file.record.task:
                tasks.start_soon(one, at, file, name=f"fetch {file.key}")
    return tuple(after)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """Brings files home that were here before."""

    campaign: Campaign
    service: Service
    offload: Offload
    jobs: Mapping[Key, Job]
    limiter: anyio.Semaphore

    async def found(self, file: Finding) -> Finding:
        """Return what is found of a file after all that can be done for it."""
        shelf, task = Shelf(root=self.campaign.places.outputs), file.record.task or TaskId("")
        course = _course(self.campaign, file, self.jobs.get(file.key))
        async with self.limiter:
            if file.trouble is Trouble.MISSING:
                why = await self._brought(course, task, shelf)
            else:
                why = await self.offload(_label, shelf, course, task)
            now = await self.offload(checked, file, shelf)
        return replace(now, why=f"{now.why}; {why}") if now.trouble and why else now

    async def _brought(self, course: Course, task: TaskId, shelf: Shelf) -> str:
        """Look at a task and bring its video home; return why that could not be, empty if it could."""
        collector = Collector(service=self.service, shelf=shelf, offload=self.offload)
        why = ""
        for number in range(TRIES):
            if number:
                await anyio.sleep(FIRST_WAIT * 2**number)
            match await self.service.look(task):
                case Completed(urls=(str() as url, *_)):
                    why, is_final = _told(await collector.bring(course, task, url, _nobody))
                case Absent() | TaskFailed():
                    why, is_final = f"the service has no video of task {task} any more", True
                case Fault() as fault:
                    why, is_final = told(fault), fault.kind is FaultKind.AUTH
                case _:
                    why, is_final = f"the service names no file for task {task}", False
            if is_final:
                break
        return why


def _label(shelf: Shelf, course: Course, task: TaskId) -> str:
    """Write a missing sidecar again; return why not, which is never."""
    shelf.write_sidecar(course.output, sidecar(course, task))
    return ""


def _course(campaign: Campaign, file: Finding, job: Job | None) -> Course:
    """Return a course whose video is at the service already, and has to be the one that is recorded."""
    record = file.record
    request = job if job and job.spec.hash == record.spec else stand_in(file.key, file.output)
    return Course(
        job=request,
        project=campaign.manifest.project,
        service=campaign.service,
        spec=record.spec,
        state=Waiting(attempt=record.attempt, task=record.task or TaskId("")),
        business_id=record.business_id or BusinessId(""),
        generation=record.generation,
        last_attempt=record.attempt,
        price=None,
        output=file.output,
        paid=True,
        edited=request is not job,
        expected=record.sha256,
    )


def _told(answer: FetchAnswer | LinkDead) -> tuple[str, bool]:
    match answer:
        case Brought():
            return "", True
        case InTheWay(why=why):
            return why, True
        case Damaged(failure=failure):
            return failure.message, True
        case LinkDead(status=status):
            return f"the file host refuses its link ({status}): it is gone", False
        case Broken(why=why) | NoVideo(why=why):
            return why, False


async def _nobody(_so_far: int, _total: int | None) -> None:
    """Show nobody how a download goes on."""
