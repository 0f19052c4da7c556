import asyncio
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import small_files

from kling_batch import store
from kling_batch.errors import DiskError, StateError
from kling_batch.events import Done, Fact, Failed, Failure, Intended, LookUpJudged, Opened, Submitted
from kling_batch.job import BusinessId, Key, SpecHash, TaskId
from kling_batch.plan.lockfile import Lock, Writer, fold
from kling_batch.plan.record import State
from kling_batch.run.entries import entry
from kling_batch.run.journal import Journal, open_journal
from kling_batch.run.replay import Replayed, read, recovered, replay

SPEC = SpecHash("v1:" + "a" * 64)
SERVICE = "https://toapis.com"
EMPTY = Lock(project="spring", service=SERVICE, jobs={})


def opened(key: str) -> Opened:
    return Opened(key=Key(key), spec=SPEC, parts=("a", "-", "b", "-"), output=f"{key}.mp4")


def intended(key: str) -> Intended:
    return Intended(
        key=Key(key),
        spec=SPEC,
        parts=("a", "-", "b", "-"),
        generation=1,
        attempt=1,
        business_id=BusinessId(f"kb1-{key}"),
        output=f"{key}.mp4",
        usd=Decimal("0.184"),
    )


def submitted(key: str) -> Submitted:
    return Submitted(key=Key(key), task=TaskId(f"tsk-{key}"))


def done(key: str) -> Done:
    return Done(key=Key(key), output=f"{key}.mp4", sha256="b" * 64, bytes=9, warnings=("plays 4.2 s, not 5",))


FACTS: tuple[Fact, ...] = (
    opened("hero"),
    opened("Glück"),
    intended("hero"),
    submitted("hero"),
    LookUpJudged(model="kling-v2-6", proven=True),
    intended("Glück"),
    done("hero"),
    Failed(key=Key("Glück"), failure=Failure(kind="invalid", code="x", message="nein"), usd=Decimal(0)),
)


LOCK_FILE = b"the lock file"


def written(*bodies: tuple[str, object]) -> bytes:
    head = ("head", {"journal": 1, "project": "spring", "service": SERVICE})
    return b"".join(entry(number, 1790000000, *body) for number, body in enumerate((head, *bodies)))


class Memory:
    """A tape in memory, which may fail or fill up."""

    def __init__(self, fails: Exception | None = None, full_from: int = 99) -> None:
        self.batches: list[bytes] = []
        self._fails, self._full_from = fails, full_from

    @property
    def is_full(self) -> bool:
        return len(self.batches) >= self._full_from

    @property
    def data(self) -> bytes:
        return b"".join(self.batches)

    async def append(self, data: bytes) -> None:
        for _ in range(9):
            await anyio.lowlevel.checkpoint()
        if self._fails is not None:
            raise self._fails
        self.batches.append(data)


def begun(tape: Memory) -> Journal:
    tape.batches.append(written())
    return Journal(tape, next_seq=1, clock=lambda: 1790000000.9)


def told(data: bytes, sha256: str = "") -> Replayed:
    return read("spring.journal.jsonl", data, "spring", SERVICE, sha256)


@pytest.fixture(scope="module")
def journal() -> bytes:
    """A journal of every kind of entry."""
    tape = Memory()

    async def write() -> None:
        own = begun(tape)
        await own.record(*FACTS[:4])
        await own.checkpoint(lambda: LOCK_FILE)
        for fact in FACTS[4:]:
            await own.record(fact)

    anyio.run(write)
    return tape.data


def test_what_was_recorded_is_replayed_in_its_order(journal: bytes) -> None:
    replayed = told(journal)

    assert replayed.facts == FACTS
    assert (replayed.fits, replayed.torn, replayed.knows_all) == (False, False, True)
    assert (replayed.size, replayed.next_seq) == (len(journal), 10)


def test_the_journal_is_one_checked_line_an_entry(journal: bytes) -> None:
    first, second, *_ = journal.splitlines()

    assert first == (
        b'{"crc":"a5a8346f","seq":0,"at":1790000000,'
        b'"head":{"journal":1,"project":"spring","service":"https://toapis.com"}}'
    )
    assert second.startswith(b'{"crc":"')
    assert b'"seq":1,"at":1790000000,"fact":{"event":"opened","key":"hero"' in second


def test_only_what_came_after_the_checkpoint_of_this_lock_is_replayed(journal: bytes) -> None:
    replayed = told(journal, hashlib.sha256(LOCK_FILE).hexdigest())

    assert replayed.fits
    assert replayed.facts == FACTS[4:]


def test_an_older_checkpoint_counts_if_the_lock_was_taken_back() -> None:
    bodies = [
        ("checkpoint", {"sha256": "c" * 64}),
        ("fact", {"event": "submitted", "key": "hero", "task": "tsk_1"}),
        ("checkpoint", {"sha256": "d" * 64}),
    ]

    assert told(written(*bodies), "c" * 64).facts == (Submitted(key=Key("hero"), task=TaskId("tsk_1")),)
    assert told(written(*bodies), "d" * 64).facts == ()


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_journal_cut_at_any_byte_replays_a_prefix(journal: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(journal) - 1))

    replayed = told(journal[:cut])

    assert replayed.facts == FACTS[: len(replayed.facts)]
    assert replayed.size == journal[:cut].rfind(b"\n") + 1
    assert replayed.torn is (cut != replayed.size)
    assert replayed.next_seq == journal[:cut].count(b"\n")


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_bit_flipped_anywhere_is_found(journal: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(journal) - 1))
    broken = bytearray(journal)
    broken[at] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(StateError) as raised:
        told(bytes(broken))

    assert raised.value.exit_code == 6
    assert raised.value.diagnostics[0].span is not None


def test_every_flip_of_the_last_line_end_is_found(journal: bytes) -> None:
    for bit in range(8):
        with pytest.raises(StateError, match="cannot be used"):
            told(journal[:-1] + bytes([10 ^ 1 << bit]))


def test_zeros_behind_the_last_line_are_a_torn_end(journal: bytes) -> None:
    replayed = told(journal + b"\0" * 4096)

    assert (replayed.facts, replayed.torn, replayed.size) == (FACTS, True, len(journal))


def test_a_first_line_that_was_cut_off_is_a_journal_that_never_began(journal: bytes) -> None:
    head = journal.splitlines(keepends=True)[0]

    for cut in range(len(head) - 1):
        assert told(head[:cut] + b"\0" * (len(head) - cut)).size == 0


def damaged(journal: bytes) -> dict[str, bytes]:
    """Return every damage of the corpus by name."""
    lines = journal.splitlines(keepends=True)
    one = ("fact", {"event": "submitted", "key": "hero", "task": "tsk_1"})
    return {
        "checksum in the middle": journal.replace(b'"hero"', b'"zero"', 1),
        "line missing": b"".join([*lines[:2], *lines[3:]]),
        "line twice": b"".join([*lines[:2], lines[1], *lines[2:]]),
        "lines swapped": b"".join([lines[0], lines[2], lines[1], *lines[3:]]),
        "garbage in the middle": b"".join([*lines[:2], b"\xff\xfe what is this\n", *lines[2:]]),
        "empty line": b"".join([*lines[:2], b"\n", *lines[2:]]),
        "conflict marks": b"".join([lines[0], b"<<<<<<< HEAD\n", *lines[1:]]),
        "windows line ends": journal.replace(b"\n", b"\r\n"),
        "line that does not end": journal[:-1] + b"\x0b",
        "no head": entry(0, 1, *one),
        "zeros alone": b"\0" * 2_000,
        "second head": written(("head", {"journal": 1, "project": "spring", "service": SERVICE})),
        "head of another thing": entry(0, 1, "head", {"lock": 1}),
        "newer version": entry(0, 1, "head", {"journal": 2, "project": "spring", "service": SERVICE}),
        "another project": entry(0, 1, "head", {"journal": 1, "project": "autumn", "service": SERVICE}),
        "another service": entry(0, 1, "head", {"journal": 1, "project": "spring", "service": "sandbox"}),
        "unknown fact": written(("fact", {"event": "married", "key": "hero"})),
        "fact without its fields": written(("fact", {"event": "submitted", "key": "hero"})),
        "sign among facts": written(("fact", {"event": "held", "key": "hero", "why": "late"})),
        "checkpoint without lock": written(("checkpoint", {"sha256": 7})),
        "body that is no JSON": _sealed(b'"seq":1,"at":1,"fact":{"event":}}'),
    }


def _sealed(covered: bytes) -> bytes:
    return written() + b'{"crc":"%08x",%s\n' % (zlib.crc32(covered), covered)


def test_every_damage_is_told_with_its_line_and_its_repair(journal: bytes, golden: Callable[[str, str], None]) -> None:
    pages = []
    for name, data in damaged(journal).items():
        with pytest.raises(StateError) as raised:
            told(data)
        (complaint,) = raised.value.diagnostics
        pages.append(f"## {name}\n{complaint.span}: error[{complaint.code}]: {complaint.message}\n")
        pages.append(f"  = help: {complaint.help}\n")

    golden("damaged-journals.txt", "".join(pages))


async def _all_at_once(own: Journal, facts: tuple[Fact, ...]) -> None:
    async with anyio.create_task_group() as tasks:
        for fact in facts:
            tasks.start_soon(own.record, fact)


def test_facts_that_arrive_together_share_a_sync() -> None:
    tape = Memory()

    anyio.run(_all_at_once, begun(tape), tuple(opened(str(number)) for number in range(100)))

    assert len(tape.batches) <= 4
    assert told(tape.data).next_seq == 101


def test_a_cancelled_record_is_whole_before_the_cancellation_goes_on() -> None:
    tape = Memory()

    async def scene() -> None:
        own = begun(tape)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await own.record(opened("hero"))
        await own.record(opened("dawn"))

    anyio.run(scene)

    assert told(tape.data).facts == (opened("hero"), opened("dawn"))


@pytest.mark.parametrize("fault", [DiskError("EIO"), StateError("replaced"), OSError(9, "bad file")])
def test_once_the_tape_has_failed_every_record_is_refused_with_its_lines(fault: Exception) -> None:
    tape = Memory(fails=fault)

    async def scene() -> list[DiskError]:
        own = begun(tape)
        refused = []
        for fact in FACTS[:2]:
            with pytest.raises(DiskError) as raised:
                await own.record(fact)
            refused.append(raised.value)
        return refused

    first, second = anyio.run(scene)

    assert '"key":"hero"' in first.recovery[0]
    assert '"key":"Glück"' in second.recovery[0]
    assert first.__cause__ is fault


def test_a_fault_reaches_everybody_who_waits_for_the_same_sync_and_who_comes_after() -> None:
    tape = Memory(fails=DiskError("EIO"))

    with pytest.RaisesGroup(*[pytest.RaisesExc(DiskError)] * 5):
        anyio.run(_all_at_once, begun(tape), tuple(opened(str(number)) for number in range(5)))


def test_what_waits_for_its_turn_behind_a_fault_is_refused_too() -> None:
    tape = Memory(fails=DiskError("EIO"))

    async def scene() -> None:
        own = begun(tape)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(own.record, opened("hero"))
            for _ in range(4):
                await anyio.lowlevel.checkpoint()
            tasks.start_soon(own.record, opened("dawn"))

    with pytest.RaisesGroup(pytest.RaisesExc(DiskError), pytest.RaisesExc(DiskError)):
        anyio.run(scene)

    assert told(tape.data).facts == ()


def test_a_full_disk_takes_what_is_known_and_no_new_intent() -> None:
    tape = Memory(full_from=1)

    async def scene() -> None:
        own = begun(tape)
        await own.record(submitted("hero"))
        with pytest.raises(DiskError, match="full"):
            await own.record(intended("dawn"))

    anyio.run(scene)

    assert told(tape.data).facts == (submitted("hero"),)


def test_an_intent_that_fills_the_disk_is_taken_back() -> None:
    tape = Memory(full_from=2)

    async def scene() -> None:
        own = begun(tape)
        with pytest.raises(DiskError, match="full"):
            await own.record(intended("dawn"))

    anyio.run(scene)

    lock = recovered(None, told(tape.data), "spring", SERVICE)
    assert lock.jobs[Key("dawn")].state is State.PENDING


def run_on(path: Path, facts: tuple[Fact, ...], content: bytes = b"", lock: Lock | None = None) -> Lock:
    """Open the journal as a run does, record facts, and return what is known then."""
    replayed = replay(path, "spring", SERVICE, content)
    known = recovered(lock, replayed, "spring", SERVICE)
    own, file = open_journal(path, replayed, lock=known, content=content, clock=lambda: 1790000000)

    async def write() -> None:
        for fact in facts:
            await own.record(fact)

    try:
        anyio.run(write)
    finally:
        file.close()
    return fold(known, facts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal lies, its folder made."""
    own = tmp_path / ".kling-batch"
    store.own_folder(own)
    return own / "spring.journal.jsonl"


def test_there_is_no_journal_before_the_first_run(path: Path) -> None:
    assert replay(path, "spring", SERVICE, b"") == Replayed()


def test_a_folder_in_the_place_of_the_journal_is_told(path: Path) -> None:
    path.mkdir()

    with pytest.raises(StateError, match="cannot read"):
        replay(path, "spring", SERVICE, b"")


def test_a_second_run_goes_on_where_the_first_one_was_killed(path: Path) -> None:
    run_on(path, FACTS[:3])
    with path.open("ab") as file:
        file.write(b'{"crc":"0000')

    run_on(path, FACTS[3:])

    assert replay(path, "spring", SERVICE, b"").facts == FACTS


def test_a_lock_that_is_gone_is_rebuilt_from_its_journal(path: Path) -> None:
    known = run_on(path, FACTS)

    assert recovered(None, replay(path, "spring", SERVICE, b""), "spring", SERVICE) == known


def test_a_lock_that_is_gone_is_not_rebuilt_from_a_journal_that_began_after_it(path: Path) -> None:
    lock = fold(EMPTY, FACTS[:4])
    run_on(path, FACTS[4:], Writer().text(lock).encode(), lock)

    with pytest.raises(StateError, match="does not know all"):
        recovered(None, replay(path, "spring", SERVICE, b""), "spring", SERVICE)


def test_a_journal_that_began_from_a_lock_fits_it(path: Path) -> None:
    lock = fold(EMPTY, FACTS[:4])
    content = Writer().text(lock).encode()
    known = run_on(path, FACTS[4:], content, lock)

    replayed = replay(path, "spring", SERVICE, content)

    assert (replayed.fits, replayed.facts) == (True, FACTS[4:])
    assert recovered(lock, replayed, "spring", SERVICE) == known


def test_a_lock_written_before_a_kill_without_its_checkpoint_fits_again_after_the_next_start(path: Path) -> None:
    lock = run_on(path, FACTS[:6])
    content = Writer().text(lock).encode()

    run_on(path, FACTS[6:], content, lock)

    replayed = replay(path, "spring", SERVICE, content)
    assert (replayed.fits, replayed.facts) == (True, FACTS[6:])


def test_a_merged_lock_is_joined_with_what_the_journal_knows(path: Path) -> None:
    run_on(path, FACTS[:4])
    merged = fold(EMPTY, [*FACTS[:2], opened("theirs"), intended("theirs"), submitted("theirs")])
    content = Writer().text(merged).encode()

    known = run_on(path, FACTS[6:7], content, merged)

    assert {key: each.state for key, each in known.jobs.items()} == {
        "hero": State.DONE,
        "Glück": State.PENDING,
        "theirs": State.SUBMITTED,
    }
    replayed = replay(path, "spring", SERVICE, content)
    assert (replayed.fits, replayed.knows_all) == (False, False)
    assert recovered(merged, replayed, "spring", SERVICE) == known


def test_a_lock_without_a_journal_is_what_is_known() -> None:
    lock = fold(EMPTY, FACTS)

    assert recovered(lock, Replayed(), "spring", SERVICE) == lock


def test_facts_about_a_job_that_nothing_opened_do_not_fit() -> None:
    data = written(("fact", {"event": "submitted", "key": "hero", "task": "tsk_1"}))

    with pytest.raises(StateError, match="does not fit its lock"):
        recovered(None, told(data), "spring", SERVICE)


def test_a_journal_cut_by_another_program_since_it_was_read_is_not_written(path: Path) -> None:
    run_on(path, FACTS)
    replayed = replay(path, "spring", SERVICE, b"")
    path.write_bytes(b"")

    with pytest.raises(StateError, match="deleted, replaced or cut"):
        open_journal(path, replayed, lock=EMPTY, content=b"")


def test_a_journal_that_cannot_be_begun_is_closed_again(path: Path) -> None:
    room_for_the_reserve = small_files(64 * 1024)
    with room_for_the_reserve, pytest.raises(DiskError, match="the disk refuses"):
        open_journal(path, Replayed(), lock=replace(EMPTY, project="x" * 70_000), content=b"")

    assert path.read_bytes() == b""
    assert not path.with_name(f"{path.name}.reserve").exists()


def test_a_write_that_is_cut_off_by_force_is_believed_by_nobody() -> None:
    class Stuck:
        is_full = False

        async def append(self, data: bytes) -> None:
            del data
            await asyncio.sleep(60)

    async def run() -> list[type[BaseException] | None]:
        journal = Journal(Stuck(), next_seq=1, clock=lambda: 0.0)
        leader, follower = (asyncio.create_task(journal.record(fact)) for fact in FACTS[:2])
        for _ in range(10):
            await asyncio.sleep(0)
        leader.cancel()
        await asyncio.wait([leader, follower])
        with pytest.raises(DiskError, match="cut off"):
            await journal.record(FACTS[0])
        return [None if each.cancelled() else type(each.exception()) for each in (leader, follower)]

    assert asyncio.run(run()) == [None, DiskError]


def test_a_checkpoint_names_the_lock_file_by_its_bytes(path: Path) -> None:
    replayed = replay(path, "spring", SERVICE, b"")
    own, file = open_journal(path, replayed, lock=EMPTY, content=b"")

    async def write() -> None:
        await own.record(*FACTS)
        await own.checkpoint(lambda: b"the lock file")

    anyio.run(write)
    file.close()

    assert replay(path, "spring", SERVICE, b"the lock file").fits
