"""The quick way to read a lock says what the thorough one says, or nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.plan import written
from kling_batch.plan.decode import record_of
from kling_batch.plan.encode import encode
from kling_batch.plan.record import Record

SPEC = "v1:" + "0" * 64
SHA256 = "a" * 64
ORDINARY = {
    "spec": SPEC,
    "parts": ["a1b2", "-", "77e0", "-"],
    "generation": 1,
    "attempt": 2,
    "business_id": "kb1-abc",
    "task": "tsk_vid_1",
    "state": "done",
    "output": "hero/de.mp4",
    "sha256": SHA256,
    "bytes": 812,
    "seconds": 5.04,
    "spent": "0.184",
}
PENDING = {"spec": SPEC, "parts": ["a1b2", "-", "77e0", "-"], "state": "pending"}
FAILED = {**PENDING, "state": "failed", "error": {"class": "rejected", "code": "moderation", "message": "no"}}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "done", "unsure", "submitted", "0.5", "00.5", "1e3", "../x.mp4", "a//b", "C:x", "ü/ß.mp4", "\x7f"]
    ),
    st.sampled_from([SPEC, SHA256, "v2:x", "kb1-" + "a" * 125]),
    st.lists(st.sampled_from(["a1b2", "-", 'say "so"', ""]), max_size=5),
)


def text_of(key: str, payload: dict) -> str:
    return f"{encode(key)}:\n {encode(payload)}\n}}}}\n"


def thorough(payload: dict) -> Record | None:
    return record_of(payload, (), [])


@given(
    payload=st.sampled_from([ORDINARY, PENDING, FAILED]),
    changes=st.dictionaries(st.sampled_from([*ORDINARY, "expires", "charged", "more"]), VALUES, max_size=3),
    left_out=st.sets(st.sampled_from(list(ORDINARY)), max_size=2),
)
def test_a_line_is_read_as_the_thorough_way_reads_it(payload: dict, changes: dict, left_out: set[str]) -> None:
    changed = {name: value for name, value in (payload | changes).items() if name not in left_out}

    found = written.records(text_of("hero#1", changed), 0, json.loads)

    known = thorough(changed)
    assert found == (None if known is None else {"hero#1": known})
    if found:
        assert [type(found["hero#1"].seconds), type(found["hero#1"].extra)] == [type(known.seconds), type(known.extra)]


@given(key=st.text(min_size=1, max_size=8))
def test_a_key_is_any_text_that_can_be_seen(key: str) -> None:
    found = written.records(text_of(key, PENDING), 0, json.loads)

    seen = not any(ord(each) < 0x20 or 0x7F <= ord(each) < 0xA0 for each in key)
    assert found == ({key: thorough(PENDING)} if seen else None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "}}",
        "}}\n}}\n",
        text_of("a#1", PENDING).replace("\n}}\n", "\n,\n}}\n"),
        text_of("a#1", PENDING).replace("}}\n", "}}"),
        text_of("a#1", PENDING).replace("}}\n", "}} \n"),
        text_of("a#1", PENDING).replace("}}\n", text_of("b#1", PENDING)),
        text_of("a#1", PENDING).replace("}}\n", ",\n" + text_of("a#1", PENDING)),
        text_of("a#1", PENDING).replace("\n", "\r\n"),
        text_of("a#1", {**PENDING, "spec": 1}),
    ],
)
def test_what_we_would_not_have_written_is_left_to_the_thorough_way(text: str) -> None:
    assert written.records(text, 0, json.loads) is None


def test_a_lock_without_jobs_has_no_records() -> None:
    assert written.records("}}\n", 0, json.loads) == {}
