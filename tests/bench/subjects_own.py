"""What a job costs the product itself: the engine, the book and a journal on disk, around a service in memory."""

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import anyio
import anyio.lowlevel
import campaign
from measured import folder, measured, work

import kling_batch
from kling_batch import store
from kling_batch.api.answers import Accepted, Balance, Billing, Completed, LookAnswer, SubmitAnswer
from kling_batch.events import Done
from kling_batch.job import Json, TaskId
from kling_batch.plan.diff import Plan
from kling_batch.run import holding, moves
from kling_batch.run.book import Book
from kling_batch.run.carrier import Carrier
from kling_batch.run.courses import Course
from kling_batch.run.engine import Engine
from kling_batch.run.ports import Brought
from kling_batch.run.runner import Run, in_thread
from kling_batch.run.uploads import Uploads
from kling_batch.run.workspace import Campaign

IN_FLIGHT = 1000
SHA256 = "0" * 64


class Instant:
    """A service that answers at once; its tasks are done at their first look, and their videos are here already."""

    def __init__(self) -> None:
        self.made = 0
        self.owners: dict[str, str] = {}

    async def submit(self, body: Mapping[str, Json], on_wire: Callable[[], Awaitable[None]]) -> SubmitAnswer:
        await on_wire()
        self.made += 1
        task = f"tsk_vid_{self.made:08d}"
        self.owners[str(body["client_business_id"])] = task
        return Accepted(task=TaskId(task))

    async def look(self, identifier: str) -> LookAnswer:
        await anyio.lowlevel.checkpoint()
        task = TaskId(self.owners.get(identifier, identifier))
        return Completed(
            task=task, urls=("http://127.0.0.1/v.mp4",), expires=2**31, billing=Billing(usd=Decimal("0.184"))
        )

    async def balance(self) -> Balance | None:
        return None

    async def upload(self, name: str, content: bytes, media_type: str) -> Any:
        raise AssertionError(name, len(content), media_type)

    def fetch(self, url: str, start: int, etag: str | None) -> AbstractAsyncContextManager[Any]:
        raise AssertionError(url, start, etag)

    async def bring(self, course: Course, task: TaskId, url: str, show: object) -> Brought:
        """Stand for the collector."""
        del task, url, show
        await anyio.lowlevel.checkpoint()
        done = Done(key=course.key, output=course.output, sha256=SHA256, bytes=1000, seconds=5.04)
        return Brought(done=done)


def own(jobs: int) -> dict[str, Any]:
    """Run so many jobs; CPU is that of the run alone, without the plan."""
    with folder() as place:
        loaded = kling_batch.load(
            campaign.write(place, jobs, in_flight=IN_FLIGHT, first=0.02), base_url="http://127.0.0.1:9"
        )
        plan = campaign.unhurried(kling_batch.plan(loaded))
        with measured() as figures:
            made = _run(loaded, plan)
    return {"wall": figures.wall, "cpu": figures.cpu, "made": made}


def _run(loaded: Campaign, plan: Plan) -> int:
    with holding.hold(loaded), holding.journal(loaded, plan) as (lock, journal):
        run = Run(loaded, plan, lock, journal, lambda _: None)

        async def save(text: bytes) -> None:
            await in_thread(store.write_atomic, loaded.places.lock, text)

        book = Book(lock=lock, journal=journal, save=save, show=lambda _: None)
        return anyio.run(_carry_out, run, plan, book)


async def _carry_out(run: Run, plan: Plan, book: Book) -> int:
    instant = Instant()
    carrier = Carrier(
        service=instant,
        collector=instant,  # type: ignore[arg-type]  # it brings everything at once
        uploads=Uploads(instant, _no_image),
        record=book.record,
    )
    engine = Engine(
        plan=plan,
        carrier=carrier,
        record=book.record,
        wall=time.time,
        dice=random.Random(1),
        submit_pace=run.submit_pace,
        look_pace=run.look_pace,
    )
    await book.record_all(moves.openings(plan.changes))
    async with anyio.create_task_group() as beside:
        beside.start_soon(book.keep_up)
        await engine.run()
        beside.cancel_scope.cancel()
    await book.checkpoint()
    return sum(record.state.value == "done" for record in book.jobs.values())


async def _no_image(image: object) -> bytes:
    raise AssertionError(image)


if __name__ == "__main__":
    work({"own": own})
