"""What is believed, what is durable and what the lock says, while all three are on their way."""

from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from campaigns import InPlace

from kling_batch import store
from kling_batch.errors import DiskError
from kling_batch.events import Event, Fact, Opened
from kling_batch.job import Key, SpecHash
from kling_batch.plan.lockfile import Lock, fold
from kling_batch.run.book import Book
from kling_batch.run.journal import open_journal
from kling_batch.run.replay import Replayed, recovered, replay

EMPTY = Lock(project="spring", service="https://toapis.com", jobs={})


def opened(name: str) -> Fact:
    return Opened(key=Key(name), spec=SpecHash("v1:" + "0" * 64), parts=("a", "-", "c", "-"), output=f"{name}.mp4")


class Late(InPlace):
    """A journal whose lines take their time."""

    async def append(self, data: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        await super().append(data)
        await anyio.lowlevel.checkpoint()


def booked(path: Path, work: Callable[[Book, list[bytes]], object], shown: list[Event]) -> tuple[list[bytes], Replayed]:
    """Let `work` use a book whose lock file takes its time; return what was saved, and what a kill leaves."""
    store.own_folder(path.parent)
    own, file = open_journal(path, Replayed(), lock=EMPTY, content=b"", tape=Late)
    saved: list[bytes] = []

    async def save(text: bytes) -> None:
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        saved.append(text)

    anyio.run(work, Book(lock=EMPTY, journal=own, save=save, show=shown.append), saved)
    file.close()
    return saved, replay(path, "spring", "https://toapis.com", saved[-1])


@pytest.mark.parametrize("others", range(4))
def test_a_fact_that_comes_while_the_lock_is_written_is_never_taken_for_a_part_of_it(
    tmp_path: Path, others: int
) -> None:
    first, late = opened("first"), [opened(f"late-{number}") for number in range(4)]

    async def work(book: Book, _saved: list[bytes]) -> None:
        await book.record(first)
        async with anyio.create_task_group() as tasks:
            for fact in late[:others]:
                tasks.start_soon(book.record, fact)
            tasks.start_soon(book.checkpoint)
            for fact in late[others:]:
                tasks.start_soon(book.record, fact)
                await anyio.lowlevel.checkpoint()

    saved, replayed = booked(tmp_path / ".kling-batch" / "spring.journal.jsonl", work, [])

    assert len(saved) == 1
    assert replayed.fits
    lock = fold(EMPTY, [fact for fact in (first, *late) if f'"{fact.key}"'.encode() in saved[0]])
    known = recovered(lock, replayed, "spring", "https://toapis.com")
    assert known.jobs == fold(EMPTY, (first, *late)).jobs


def test_a_lock_that_cannot_be_noted_is_written_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / ".kling-batch" / "spring.journal.jsonl"

    async def work(book: Book, _saved: list[bytes]) -> None:
        await book.record(opened("first"))
        path.rename(path.with_name("moved"))
        with pytest.raises(DiskError):
            await book.checkpoint()

    saved, _ = booked(path, work, [])

    assert b'"first"' in saved[0]


def test_a_lock_that_its_journal_is_ahead_of_is_written_even_if_nothing_more_happens(tmp_path: Path) -> None:
    path = tmp_path / ".kling-batch" / "spring.journal.jsonl"

    async def record(book: Book, _saved: list[bytes]) -> None:
        await book.record(opened("first"))
        await book.checkpoint()
        await book.record(opened("second"))

    saved, replayed = booked(path, record, [])
    known = recovered(fold(EMPTY, [opened("first")]), replayed, "spring", "https://toapis.com")
    own, file = open_journal(path, replayed, lock=known, content=saved[0], tape=Late)

    async def save(text: bytes) -> None:
        saved.append(text)

    anyio.run(Book(lock=known, journal=own, save=save, show=lambda _: None).checkpoint)
    file.close()

    assert b'"second"' in saved[1]
    assert replay(path, "spring", "https://toapis.com", saved[1]).facts == ()


@pytest.mark.parametrize("steps", range(8))
def test_a_checkpoint_that_was_cancelled_is_written_by_the_next_one(tmp_path: Path, steps: int) -> None:
    async def work(book: Book, saved: list[bytes]) -> None:
        await book.record(opened("first"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(book.checkpoint)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        await book.checkpoint()
        assert saved

    saved, _ = booked(tmp_path / ".kling-batch" / "m.journal.jsonl", work, [])

    assert b'"first"' in saved[-1]
