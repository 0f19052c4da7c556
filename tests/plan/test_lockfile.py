import gc
import json
import string
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_batch.events import Failure, LookUpJudged, Moved
from kling_batch.job import Job
from kling_batch.plan.lockfile import LIMIT, Lock, Writer, absorb, belongs, fold, format, parse  # noqa: A004 - ours
from kling_batch.plan.record import Attempt, Record, State
from kling_batch.text.source import Source

Jobs = Callable[..., Job]
Stories = Callable[[Job], Any]
Locks = Callable[..., Lock]
Golden = Callable[[str, str], None]

HEX = "0123456789abcdef" * 4
NAMES = st.text(string.ascii_letters + string.digits + "ßé中-_", min_size=1, max_size=8)
IDS = st.text(string.ascii_letters + string.digits + "._:-", min_size=1, max_size=12)
USD = st.none() | st.decimals(0, 1000, places=4)
SPECS = st.sampled_from(["v1:" + HEX, "v1:" + HEX[::-1]])
FAILURES = st.none() | st.builds(
    Failure, kind=st.sampled_from(["transient", "rejected", "invalid"]), code=NAMES, message=st.text(max_size=20)
)
ATTEMPTS = st.lists(
    st.builds(Attempt, attempt=st.integers(1, 9), business_id=IDS, spent=USD, failure=FAILURES), max_size=2
).map(tuple)
PLAIN = {
    "spec": SPECS,
    "parts": st.just(("a1b2", "-", "77e0", "c9d1")),
    "state": st.sampled_from([State.PENDING, State.FAILED, State.LOST]),
    "generation": st.integers(1, 99),
    "attempt": st.integers(1, 99),
    "business_id": IDS,
    "output": st.none() | st.lists(NAMES, min_size=1, max_size=3).map("/".join),
    "sha256": st.none() | st.just(HEX),
    "bytes": st.none() | st.integers(0, 10**12),
    "seconds": st.none() | st.floats(0, 1000, allow_nan=False),
    "spent": USD,
    "charged": st.booleans(),
    "expires": st.none() | st.integers(0, 10**10),
    "failure": FAILURES,
    "warnings": st.lists(st.text(max_size=9), max_size=2).map(tuple),
    "attempts": ATTEMPTS,
    "extra": st.dictionaries(st.sampled_from(["lens", "Äpfel"]), st.integers() | st.text(max_size=5), max_size=2),
}
RECORDS = st.builds(Record, **PLAIN, past=st.lists(st.builds(Record, **PLAIN), max_size=2).map(tuple))
LOCKS = st.builds(
    Lock,
    project=NAMES,
    service=st.sampled_from(["sandbox", "https://toapis.com"]),
    jobs=st.dictionaries(NAMES, RECORDS, max_size=4),
    look_up=st.none() | st.just("kling-v2-6"),
    extra=st.dictionaries(st.just("lineage"), st.text(max_size=5), max_size=1),
)


def test_a_lock_is_written_as_the_design_shows_it(job: Jobs, story: Stories, lock_of: Locks, golden: Golden) -> None:
    hero, second, dawn, pot = job(), job(take="2"), job("dawn"), job("pot")
    facts = [
        *story(hero).bought("tsk_vid_1"),
        *story(job(prompt="a pot")).bought("tsk_vid_2", "pot", kept="hero/t1~ab12cd.mp4"),
        story(second).opened(),
        story(dawn).intended(),
        story(dawn).submitted("tsk_vid_3"),
        story(dawn).failed(usd="0"),
        story(dawn).intended(attempt=2),
        story(dawn).submitted("tsk_vid_4"),
        story(dawn).completed("tsk_vid_4", expires=1790000000),
        story(pot).intended(usd=None),
        LookUpJudged(model="kling-v2-6", proven=True),
    ]

    text = format(lock_of(facts))

    golden("whole.lock.json", text)
    assert json.loads(text)["version"] == 1


def test_a_lock_without_jobs_is_still_a_lock(lock_of: Locks) -> None:
    text = format(lock_of([]))

    assert text == '{"version":1,"project":"spring","service":"https://toapis.com","jobs":{\n}}\n'
    assert parse(Source("spring.lock.json", text)) == (lock_of([]), ())


@given(LOCKS)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back_and_written_the_same(lock: Lock) -> None:
    text = format(lock)

    again, complaints = parse(Source("spring.lock.json", text))

    assert complaints == ()
    assert again == lock
    assert format(again) == text


@given(LOCKS)
@settings(max_examples=20, deadline=None)
def test_the_order_of_jobs_never_shows(lock: Lock) -> None:
    turned = Lock(
        project=lock.project,
        service=lock.service,
        jobs=dict(reversed(lock.jobs.items())),
        look_up=lock.look_up,
        extra=lock.extra,
    )

    assert format(turned) == format(lock)


@given(LOCKS, st.data())
@settings(max_examples=60, deadline=None)
def test_a_lock_cut_anywhere_is_never_taken_for_a_lock(lock: Lock, data: st.DataObject) -> None:
    text = format(lock)
    cut = data.draw(st.integers(0, len(text) - 2))

    read, complaints = parse(Source("spring.lock.json", text[:cut]))

    assert read is None
    assert complaints[0].code in {"lock-truncated", "lock-empty", "lock-syntax"}


def test_a_writer_gives_the_same_bytes_whatever_it_wrote_before(job: Jobs, story: Stories, lock_of: Locks) -> None:
    writer = Writer()
    first = lock_of(story(job()).bought())
    second = fold(first, [story(job("dawn")).opened(), *story(job(prompt="a pot")).bought("tsk_2")])

    texts = writer.text(first), writer.text(second), writer.text(second), writer.text(first)

    assert texts == (format(first), format(second), format(second), format(first))


@pytest.mark.parametrize("change", ["\r\n", "bom"])
def test_windows_line_ends_and_a_byte_order_mark_are_read_and_not_written(
    change: str, job: Jobs, story: Stories, lock_of: Locks
) -> None:
    lock = lock_of(story(job()).bought())
    text = format(lock)
    text = "\ufeff" + text if change == "bom" else text.replace("\n", change)

    again, complaints = parse(Source("spring.lock.json", text))

    assert (again, complaints) == (lock, ())


def test_places_are_counted_after_a_byte_order_mark(job: Jobs, story: Stories, lock_of: Locks) -> None:
    text = "\ufeff" + format(lock_of(story(job()).bought())).replace('"tsk_1"', '"tsk 1"')

    _, (complaint,) = parse(Source("spring.lock.json", text))

    span = complaint.span
    assert span.source.text[span.start : span.end] == '"tsk 1"'


def test_a_lock_longer_than_any_lock_is_not_read() -> None:
    _, (complaint,) = parse(Source("spring.lock.json", " " * (LIMIT + 1)))

    assert complaint.code == "lock-size"


def test_a_proof_of_look_up_is_kept_until_it_is_withdrawn(lock_of: Locks) -> None:
    proven = lock_of([LookUpJudged(model="kling-v2-6", proven=True)])

    assert parse(Source("x", format(proven)))[0].look_up == "kling-v2-6"
    assert fold(proven, [LookUpJudged(model="kling-v2-6", proven=False)]).look_up is None


def test_a_move_takes_the_record_to_its_new_key(job: Jobs, story: Stories, lock_of: Locks) -> None:
    lock = lock_of(story(job()).bought())
    moved = Moved(key=job("dawn").key, origin=job().key, output="dawn/t1.mp4")

    after = fold(lock, [story(job("dawn")).opened(), moved, moved])

    assert {key: (each.task, each.output) for key, each in after.jobs.items()} == {"dawn#1": ("tsk_1", "dawn/t1.mp4")}


def test_a_move_onto_something_bought_loses_neither(job: Jobs, story: Stories, lock_of: Locks) -> None:
    lock = lock_of([*story(job()).bought("tsk_1"), *story(job("dawn")).bought("tsk_2", "dawn")])

    after = fold(lock, [Moved(key=job("dawn").key, origin=job().key, output="dawn/t1.mp4")])

    (record,) = after.jobs.values()
    assert {record.task, *(each.task for each in record.also)} == {"tsk_1", "tsk_2"}


def test_a_new_path_under_the_same_key_is_a_move_too(job: Jobs, story: Stories, lock_of: Locks) -> None:
    one = job()

    after = fold(lock_of(story(one).bought()), [Moved(key=one.key, origin=one.key, output="pots/t1.mp4")])

    assert after.jobs[one.key].output == "pots/t1.mp4"


def test_look_up_is_no_job(job: Jobs, story: Stories, lock_of: Locks) -> None:
    jobs = dict(lock_of([story(job()).opened()]).jobs)
    before = dict(jobs)

    absorb(jobs, LookUpJudged(model="kling-v2-6", proven=True))

    assert jobs == before


def test_a_lock_belongs_to_one_project_on_one_service(lock_of: Locks) -> None:
    lock = lock_of([])

    assert belongs(lock, "spring", "https://toapis.com") == ()
    codes = [each.code for each in belongs(lock, "autumn", "sandbox", place="spring.lock.json")]
    assert codes == ["lock-project", "lock-service"]


def damaged(text: str) -> dict[str, str]:
    """Return every damage of the corpus by name, each made from one sound lock."""
    line = text.splitlines()

    def swap(old: str, new: str) -> str:
        assert old in text, old
        return text.replace(old, new, 1)

    conflict = ["<<<<<<< HEAD", *line[2:3], "=======", *line[5:6], ">>>>>>> autumn"]
    three = [*conflict[:2], "||||||| base", line[2], *conflict[2:]]
    return {
        "empty": "",
        "blank": " \n\n",
        "zeros": "\0" * 64,
        "cut in a string": text[: text.index("tsk_1") + 2],
        "cut between records": text[: text.index('"hero#1"')],
        "cut before the end": text[:-3],
        "conflict": "\n".join([*line[:2], *conflict, *line[3:]]),
        "conflict as diff3": "\n".join([*line[:2], *three, *line[3:]]),
        "not JSON": swap('"generation":1', '"generation":one'),
        "trailing words": text + "and more\n",
        "single quotes": swap('"state":"done"', "'state':'done'"),
        "too deep": "[" * 100_000,
        "not a number": swap('"seconds":5.04', '"seconds":NaN'),
        "a list": "[1,2]\n",
        "no jobs": '{"version":1,"project":"spring","service":"s"}',
        "jobs as a list": '{"version":1,"project":"spring","service":"s","jobs":[]}',
        "newer": swap('"version":1', '"version":2'),
        "version as text": swap('"version":1', '"version":"1"'),
        "version of old": swap('"version":1', '"version":0'),
        "look-up as text": swap('"jobs":{', '"look_up":"yes","jobs":{'),
        "key twice": swap('"hero#1"', '"dawn#1"'),
        "field twice": swap('"state":"done"', '"state":"done","state":"lost"'),
        "empty key": swap('"dawn#1"', '""'),
        "key with escape": swap('"dawn#1"', '"dawn\\u001b[31m"'),
        "record as text": swap(line[2].strip(), '"done"'),
        "no spec": swap('"spec":', '"spek":'),
        "unknown state": swap('"state":"done"', '"state":"ready"'),
        "state as number": swap('"state":"done"', '"state":1'),
        "done without checksum": swap('"sha256":', '"sha":'),
        "submitted without task": swap('"state":"done"', '"state":"submitted"').replace('"task"', '"tusk"'),
        "unsure without id": swap('"state":"done"', '"state":"unsure"').replace('"business_id"', '"id"'),
        "spec cut": swap('"spec":"v1:', '"spec":"v1:f'),
        "newer spec": swap('"spec":"v1:', '"spec":"v2:'),
        "spec as list": swap('"spec":"', '"spec":["x"],"was":"'),
        "parts as text": swap('"parts":[', '"parts":"abcd","were":['),
        "task with path": swap('"tsk_1"', '"../tsk_1"'),
        "task with line end": swap('"tsk_1"', '"tsk_1\\n"'),
        "task too long": swap('"tsk_1"', f'"{"t" * 129}"'),
        "task as number": swap('"tsk_1"', "1"),
        "business id with space": swap('"business_id":"kb1-', '"business_id":"kb1 '),
        "checksum too short": swap('"sha256":"', '"sha256":"ab","was":"'),
        "output with dots": swap('"output":"hero/t1.mp4"', '"output":"../../.bashrc"'),
        "output absolute": swap('"output":"hero/t1.mp4"', '"output":"/etc/passwd"'),
        "output with drive": swap('"output":"hero/t1.mp4"', '"output":"C:x.mp4"'),
        "output with backslash": swap('"output":"hero/t1.mp4"', '"output":"..\\\\x.mp4"'),
        "output with escape": swap('"output":"hero/t1.mp4"', '"output":"a\\u001b.mp4"'),
        "output empty": swap('"output":"hero/t1.mp4"', '"output":""'),
        "spent negative": swap('"spent":"0.184"', '"spent":"-5"'),
        "spent as number": swap('"spent":"0.184"', '"spent":0.184'),
        "spent as words": swap('"spent":"0.184"', '"spent":"NaN"'),
        "bytes negative": swap('"bytes":8123456', '"bytes":-1'),
        "bytes as truth": swap('"bytes":8123456', '"bytes":true'),
        "seconds as text": swap('"seconds":5.04', '"seconds":"5"'),
        "charged as text": swap('"spent":', '"charged":"no","spent":'),
        "generation zero": swap('"generation":1', '"generation":0'),
        "expires beyond time": swap('"state":"done"', '"state":"done","expires":99999999999999999'),
        "error as text": swap('"state":"done"', '"state":"done","error":"broken"'),
        "warnings as numbers": swap('"state":"done"', '"state":"done","warnings":[1]'),
        "attempts as object": swap('"state":"done"', '"state":"done","attempts":{}'),
        "attempt without number": swap('"state":"done"', '"state":"done","attempts":[{"task":"a"}]'),
        "attempt with bad task": swap('"state":"done"', '"state":"done","also":[{"attempt":1,"task":"a b"}]'),
        "past as text": swap('"state":"done"', '"state":"done","past":["x"]'),
        "past of the past": swap(
            '"state":"done"',
            '"state":"done","past":[{"spec":"v1:S","parts":[],"state":"lost","past":[{"spec":"v1:S","parts":[],'
            '"state":"lost"}]}]',
        ).replace("v1:S", "v1:" + HEX),
        "one task on two jobs": swap('"tsk_2"', '"tsk_1"'),
    }


def test_every_damage_is_told_with_its_place_and_its_repair(
    job: Jobs, story: Stories, lock_of: Locks, golden: Golden
) -> None:
    first = [*story(job("dawn", output="hero/t1.mp4")).bought("tsk_1", "dawn")]
    text = format(lock_of([*first, *story(job(output="hero/t2.mp4")).bought("tsk_2")]))
    assert parse(Source("spring.lock.json", text))[1] == ()

    pages = []
    for name, broken in damaged(text).items():
        lock, complaints = parse(Source("spring.lock.json", broken))
        assert lock is None, name
        assert complaints, name
        pages.append(f"## {name}\n")
        pages.extend(f"{each.span}: error[{each.code}]: {each.message}\n  = help: {each.help}\n" for each in complaints)

    golden("damaged.txt", "".join(pages))


@given(LOCKS, st.data())
@settings(max_examples=80, deadline=None)
def test_a_lock_with_any_character_changed_is_read_or_complained_about_never_a_crash(
    lock: Lock, data: st.DataObject
) -> None:
    text = format(lock)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(list('{}[]",:0-\\ \n\0xé')))

    read, complaints = parse(Source("spring.lock.json", text[:at] + other + text[at + 1 :]))

    assert (read is None) == bool(complaints)
    assert all(each.span is not None and each.help for each in complaints)


def test_branches_that_ran_different_jobs_merge_without_a_conflict(
    tmp_path: Path, job: Jobs, story: Stories, lock_of: Locks
) -> None:
    def git(*words: str) -> None:
        own = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
        subprocess.run(["git", *own, *words], cwd=tmp_path, check=True, capture_output=True)  # noqa: S607 - whatever git is there

    file = tmp_path / "spring.lock.json"
    jobs = [job(take=str(number)) for number in range(24)]
    base = lock_of([story(each).opened() for each in jobs])

    def run(chosen: list) -> Lock:
        lock = base
        for each in chosen:
            lock = fold(lock, story(each).bought(f"tsk_{each.take}", each.take))
        return lock

    git("init", "-q")
    file.write_text(format(base))
    git("add", "-A")
    git("commit", "-qm", "planned")
    git("checkout", "-qb", "autumn")
    file.write_text(format(run(jobs[::2])))
    git("commit", "-qam", "even")
    git("checkout", "-q", "main")
    file.write_text(format(run(jobs[1::2])))
    git("commit", "-qam", "odd")
    git("merge", "-q", "autumn", "-m", "both")

    merged, complaints = parse(Source(file.name, file.read_text()))
    assert complaints == ()
    assert {each.task for each in merged.jobs.values()} == {f"tsk_{each.take}" for each in jobs}
    assert file.read_text() == format(merged)


def test_a_lock_is_read_the_same_where_nothing_collects_garbage(lock_of: Locks) -> None:
    gc.disable()
    try:
        lock, _ = parse(Source("x", format(lock_of([]))))
        was_on = gc.isenabled()
    finally:
        gc.enable()

    assert lock == lock_of([])
    assert not was_on


def test_money_is_written_without_an_exponent(job: Jobs, story: Stories, lock_of: Locks) -> None:
    lock = lock_of([story(job()).intended(usd="1E+2")])

    assert '"spent":"100"' in format(lock)
    assert parse(Source("x", format(lock)))[0].jobs[job().key].spent == Decimal(100)
