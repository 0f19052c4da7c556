"""Every documented answer and every quirk, as golden files; and the law that no bytes hurt the reader."""

import dataclasses
import enum
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_batch.api.answers import Absent, Accepted, Completed, Fault, FaultKind, TaskFailed
from kling_batch.api.wire import balance_answer, look_answer, submit_answer, upload_answer

GOLDEN = Path(__file__).parent / "golden"
READERS = {"submit": submit_answer, "look": look_answer, "upload": upload_answer, "balance": balance_answer}
CASES = [
    pytest.param(kind, case, id=f"{kind}: {case['name']}")
    for kind in READERS
    for case in json.loads((GOLDEN / f"{kind}.json").read_text(encoding="utf-8"))
]

KEYS = """
id task_id status task_status object data result error code message success url fail_reason billing cost_usd credits
progress expires_at metadata client_business_id remain_balance remain_credits videos task_result
"""
keys = st.sampled_from(KEYS.split())
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
leaves |= st.sampled_from(["tsk_1", "failed", "SUCCESS", "queued", "https://x/y", "50%", "-1", "1e999999", "NaN"])
values = st.recursive(
    leaves, lambda kids: st.lists(kids, max_size=3) | st.dictionaries(keys, kids, max_size=5), max_leaves=8
)
bodies = st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode())
statuses = st.sampled_from([200, 201, 302, 400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503])
headers = st.dictionaries(st.sampled_from(["Retry-After", "Date", "Location"]), st.text(max_size=20), max_size=3)


def plain(value: object) -> object:
    """Return an answer as JSON, with the fields that say something."""
    match value:
        case enum.Enum():
            return value.value
        case Decimal():
            return str(value)
        case tuple():
            return [plain(each) for each in value]
        case _ if dataclasses.is_dataclass(value):
            own = {field.name: (getattr(value, field.name), field.default) for field in dataclasses.fields(value)}
            said = {name: plain(each) for name, (each, default) in own.items() if each != default}
            return {"is": type(value).__name__, **said}
        case _:
            return value


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_an_answer_reads_as_its_golden_file_says(kind: str, case: dict) -> None:
    body = case["text"].encode() if "text" in case else json.dumps(case["body"]).encode()
    asked = {"asked": case["asked"]} if "asked" in case else {}

    answer = READERS[kind](case["status"], case.get("headers", {}), body, **asked)

    assert plain(answer) == case["expect"]


@settings(max_examples=120, deadline=None)
@given(status=statuses, headers=headers, body=bodies)
def test_no_bytes_make_a_reader_raise(status: int, headers: dict[str, str], body: bytes) -> None:
    for reader in READERS.values():
        reader(status, headers, body)


@settings(max_examples=120, deadline=None)
@given(status=statuses, body=bodies)
def test_only_a_good_status_with_a_clean_id_accepts(status: int, body: bytes) -> None:
    answer = submit_answer(status, {}, body)

    if isinstance(answer, Accepted):
        assert status in (200, 201, 429)
        assert 1 <= len(answer.task) <= 128
        assert answer.task.encode() in body


@settings(max_examples=120, deadline=None)
@given(status=statuses.filter(lambda status: status >= 300), body=bodies)
def test_no_error_of_a_look_ends_a_task(status: int, body: bytes) -> None:
    answer = look_answer(status, {}, body, asked="tsk_1")

    assert isinstance(answer, Fault | Absent)


@settings(max_examples=120, deadline=None)
@given(body=bodies)
def test_money_in_an_answer_is_never_negative_nor_absurd(body: bytes) -> None:
    answer = look_answer(200, {}, body)

    if isinstance(answer, Completed | TaskFailed) and answer.billing and answer.billing.usd is not None:
        assert 0 <= answer.billing.usd < 10**13


@settings(max_examples=120, deadline=None)
@given(status=statuses.filter(lambda status: status >= 500 or status in (408, 409)), body=bodies)
def test_a_vague_status_never_says_that_nothing_was_created_unless_the_limiter_speaks(status: int, body: bytes) -> None:
    answer = submit_answer(status, {}, body)

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.UNCLEAR or status == 503


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"data":' * 100_000,
        b'{"id":' + b"9" * 100_000 + b"}",
        b'{"error":' * 50 + b'"x"' + b"}" * 50,
        b'{"message":"' + b"https://" * 20_000 + b'"}',
        b'{"message":"' + b"\\ud800\\u202e" * 1_000 + b'"}',
        b"\xff\xfe{\x00",
        b"\x1f\x8b\x08\x00",
        json.dumps({"message": json.dumps({"message": json.dumps({"error": {"message": "deep"}})})}).encode(),
    ],
    ids=["brackets", "objects", "digits", "errors", "links", "surrogates", "utf-16", "gzip", "json in json"],
)
def test_a_hostile_body_is_a_fault(reader, body: bytes) -> None:  # noqa: ANN001 - one of four
    assert isinstance(reader(200, {}, body), Fault)


@pytest.mark.parametrize("name", [".", "..", "...", "a/b", "a b", "a\n", "%2e%2e", "é", "", "x" * 129])
def test_what_would_lead_elsewhere_in_an_address_is_no_task(name: str) -> None:
    answer = submit_answer(200, {}, json.dumps({"id": name, "status": "queued"}).encode())

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.UNCLEAR


def test_a_link_keeps_no_query_whatever_is_in_it() -> None:
    said = (
        "see https://x.test/\x1b[31m?sig=SECRET1 and https://x.test/\u202e?sig=SECRET2\u2066 and https://x/?a=SECRET3"
    )

    answer = submit_answer(400, {}, json.dumps({"error": {"message": said}}).encode())

    assert isinstance(answer, Fault)
    assert "SECRET" not in answer.message


def test_a_message_is_cut_and_fit_to_be_shown() -> None:
    said = "x" * 5_000 + "\x1b]52;c;\x07"

    answer = submit_answer(400, {}, json.dumps({"error": {"message": said}}).encode())

    assert isinstance(answer, Fault)
    assert len(answer.message) == 2_000
    assert answer.message.isprintable()
