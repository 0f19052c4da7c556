import json
import statistics
from decimal import Decimal
from typing import Any

import pytest

from kling_batch.sandbox.answer import Answer
from kling_batch.sandbox.facts import from_lines, to_line
from kling_batch.sandbox.task import Fate
from kling_batch.sandbox.terms import DAY, Terms
from kling_batch.sandbox.world import Caller, World

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
MORNING = 1_778_569_600.0
REQUEST: dict[str, Any] = {"model": "kling-v2-6", "prompt": "a kettle on a stove"}
FILES = "http://127.0.0.1:1/files/"


class Visitor:
    """Somebody who calls a world at a time of their choosing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now = MORNING
        self.key: str | None = "sandbox"

    @property
    def caller(self) -> Caller:
        return Caller(key=self.key, origin="http://127.0.0.1:1", now=self.now)

    def submit(self, fate: Fate | None = None, **fields: object) -> tuple[int, dict[str, Any]]:
        body = {name: value for name, value in {**REQUEST, **fields}.items() if value is not None}
        return said(self.world.submit(self.caller, json.dumps(body).encode(), fate))

    def look(self, identifier: str) -> tuple[int, dict[str, Any]]:
        return said(self.world.look(self.caller, identifier))

    def ledger(self) -> dict[str, Any]:
        return said(self.world.ledger(self.now))[1]


def said(answer: Answer) -> tuple[int, dict[str, Any]]:
    return answer.status, json.loads(answer.body)


def visit(**terms: Any) -> Visitor:
    return Visitor(World(Terms(**terms)))


@pytest.fixture
def visitor() -> Visitor:
    return visit()


def link_parts(task: dict[str, Any]) -> tuple[str, str]:
    _, _, path = task["result"]["data"][0]["url"].partition("/files/videos/")
    identifier, name = path.split("/")
    return identifier, name


def test_a_submit_answers_with_a_queued_task_and_echoes_the_own_id(visitor: Visitor) -> None:
    status, task = visitor.submit(client_business_id="kb1-A")

    assert status == 200
    assert task["id"].startswith("tsk_vid_")
    assert task == {
        "id": task["id"],
        "object": "generation.task",
        "model": "kling-v2-6",
        "status": "queued",
        "progress": 0,
        "created_at": 1778569600,
        "metadata": {},
        "client_business_id": "kb1-A",
    }


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"model": None}, 400, "", None),
        ({"model": "kling-2-6"}, 503, "model_not_found", None),
        ({"model": 26}, 400, "invalid_request", "model"),
        ({"prompt": None}, 400, "invalid_request", "prompt"),
        ({"prompt": ""}, 400, "invalid_request", "prompt"),
        ({"prompt": "x" * 2501}, 400, "invalid_request", "prompt"),
        ({"negative_prompt": "x" * 2501}, 400, "invalid_request", "negative_prompt"),
        ({"mode": "4k"}, 400, "invalid_request", "mode"),
        ({"duration": 7}, 400, "invalid_request", "duration"),
        ({"duration": "5"}, 400, "invalid_request", "duration"),
        ({"duration": True}, 400, "invalid_request", "duration"),
        ({"aspect_ratio": "4:3"}, 400, "invalid_request", "aspect_ratio"),
        ({"audio": True}, 400, "invalid_request", "audio"),
        ({"audio": "yes", "mode": "pro"}, 400, "invalid_request", "audio"),
        ({"watermark": 1}, 400, "invalid_request", "watermark"),
        ({"metadata": []}, 400, "invalid_request", "metadata"),
        ({"client_business_id": "x" * 129}, 400, "invalid_request", "client_business_id"),
        ({"metadata": {"client_business_id": 5}}, 400, "invalid_request", "client_business_id"),
        ({"reference_images": "https://a.example/b.png"}, 400, "invalid_request", "reference_images"),
        ({"reference_images": ["data:image/png;base64,AAAA"]}, 400, "invalid_request", "reference_images"),
        ({"reference_images": ["assets/kettle.png"]}, 400, "invalid_request", "reference_images"),
        ({"reference_images": [FILES + "uploads/1/gone.png"]}, 400, "invalid_request", "reference_images"),
        ({"image_with_roles": [{"url": "https://a.example/b.png"}]}, 400, "invalid_request", "image_with_roles"),
        ({"image_with_roles": [{"url": "https://a.example", "role": "x"}]}, 400, "invalid_request", "image_with_roles"),
        ({"image_urls": ["https://a.example/b.png"]}, 400, "invalid_request", "image_urls"),
        ({"callback_url": "https://a.example/hook"}, 400, "webhook_not_configured", None),
        ({"prompt": "a sandbox:forbidden kettle"}, 422, "content_policy_violation", None),
    ],
)
def test_each_documented_refusal_is_made_and_charges_nothing(
    visitor: Visitor, fields: dict[str, object], status: int, code: str, param: str | None
) -> None:
    answered, body = visitor.submit(**fields)

    assert (answered, body["error"]["code"], body["error"].get("param")) == (status, code, param)
    assert visitor.ledger()["charges"] == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"x": NaN}', b'{"x": 1e999}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(visitor: Visitor, content: bytes) -> None:
    status, body = said(visitor.world.submit(visitor.caller, content))

    assert (status, body["error"]["code"]) == (400, "invalid_request")


def test_a_body_that_is_too_large_is_refused(visitor: Visitor) -> None:
    status, _ = visitor.submit(metadata={"note": "x" * 1_000_001})

    assert status == 413


@pytest.mark.parametrize("key", [None, "", "sk-bad"])
def test_without_a_good_key_nothing_is_told(visitor: Visitor, key: str | None) -> None:
    visitor.key = key

    answers = [
        said(visitor.world.submit(visitor.caller, b"{}")),
        visitor.look("x"),
        said(visitor.world.upload(visitor.caller, PNG)),
        said(visitor.world.balance(visitor.caller)),
    ]

    refusal = {"error": {"code": 401, "message": "Authentication failed", "type": "authentication_error"}}
    assert answers == [(401, refusal)] * 4


def test_the_five_forms_of_the_documentation_are_taken(visitor: Visitor) -> None:
    frames = [{"url": "https://example.com/a.jpg", "role": r} for r in ("first_frame", "last_frame")]
    references = ["https://example.com/reference.jpg"]

    statuses = [
        visitor.submit(mode="std", duration=5, aspect_ratio="16:9")[0],
        visitor.submit(reference_images=references, mode="std", duration=5)[0],
        visitor.submit(image_with_roles=frames, mode="pro", duration=5)[0],
        visitor.submit(reference_images=references, image_with_roles=frames, mode="pro", duration=5)[0],
        visitor.submit(mode="pro", duration=10, audio=True, aspect_ratio="16:9")[0],
    ]

    assert statuses == [200] * 5
    usd = [charge["usd"] for charge in visitor.ledger()["charges"]]
    assert usd == ["0.184", "0.184", "0.3125", "0.3125", "1.25"]


def test_a_task_waits_runs_and_completes(visitor: Visitor) -> None:
    _, task = visitor.submit(Fate(seconds=100.0))

    seen = []
    for passed in (5, 50, 100):
        visitor.now = 1_778_569_600 + passed
        _, body = visitor.look(task["id"])
        seen.append((body["status"], body["progress"], body["billing"]))

    pending = {"status": "pending", "credits": "36.8", "cost_usd": "0.184"}
    assert seen == [
        ("queued", 0, pending),
        ("in_progress", 50, pending),
        ("completed", 100, {"status": "settled", "credits": "36.8", "cost_usd": "0.184"}),
    ]


def test_a_completed_task_shows_one_link_that_lives_for_a_day(visitor: Visitor) -> None:
    _, task = visitor.submit(Fate(seconds=100.0))
    visitor.now += 200

    _, body = visitor.look(task["id"])

    assert (body["completed_at"], body["expires_at"]) == (1778569700, 1778569700 + 86400)
    assert body["result"]["type"] == "video"
    identifier, name = link_parts(body)
    world, done = visitor.world, 1_778_569_700
    assert world.file_of(identifier, name, done + DAY - 1) is not None
    assert world.file_of(identifier, name, done + DAY) is None


def test_a_dead_link_is_followed_by_a_fresh_one() -> None:
    visitor = visit(link_life=10.0)
    _, task = visitor.submit(Fate(seconds=1.0))
    visitor.now += 5
    _, first = visitor.look(task["id"])
    visitor.now += 11

    _, second = visitor.look(task["id"])

    assert visitor.world.file_of(*link_parts(first), visitor.now) is None
    assert visitor.world.file_of(*link_parts(second), visitor.now) is not None


@pytest.mark.parametrize("name", ["1778569700000_0123456789ab.mp4", "x.mp4", "", "²_x.mp4"])
def test_a_link_that_nobody_handed_out_is_dead(visitor: Visitor, name: str) -> None:
    _, task = visitor.submit(Fate(seconds=1.0))

    assert visitor.world.file_of(task["id"], name, visitor.now + 10) is None
    assert visitor.world.file_of("tsk_vid_other", name, visitor.now + 10) is None


@pytest.mark.parametrize("place", ["top", "metadata"])
def test_a_task_is_found_by_the_callers_own_id(visitor: Visitor, place: str) -> None:
    own = {"client_business_id": "kb1-A"}
    _, task = visitor.submit(**(own if place == "top" else {"metadata": own}))

    _, found = visitor.look("kb1-A")

    assert found["id"] == task["id"]
    assert found["client_business_id"] == "kb1-A"


def test_the_same_own_id_replays_the_task_and_is_charged_once(visitor: Visitor) -> None:
    _, first = visitor.submit(client_business_id="kb1-A")
    visitor.now += 30

    status, second = visitor.submit(client_business_id="kb1-A", prompt="something else")

    assert status == 200
    assert second == visitor.look(first["id"])[1]
    assert visitor.ledger()["by_business_id"] == {"kb1-A": 1}


@pytest.mark.parametrize(("policy", "echoed"), [("echoed", True), ("ignored", False)])
def test_a_service_that_ignores_own_ids_charges_twice(policy: str, *, echoed: bool) -> None:
    visitor = visit(business_ids=policy)

    answers = [visitor.submit(client_business_id="kb1-A")[1] for _ in range(2)]

    assert [("client_business_id" in each) for each in answers] == [echoed, echoed]
    assert visitor.ledger()["by_business_id"] == {"kb1-A": 2}
    assert visitor.look("kb1-A")[0] == 404


def test_a_row_can_appear_late_under_its_own_id() -> None:
    visitor = visit(visible_after=90.0)
    _, task = visitor.submit(client_business_id="kb1-A")

    early = visitor.look("kb1-A")[0], visitor.look(task["id"])[0]
    visitor.now += 90

    assert early == (404, 200)
    assert visitor.look("kb1-A")[0] == 200


def test_a_fate_can_hide_a_task_for_ever(visitor: Visitor) -> None:
    _, task = visitor.submit(Fate(visible_after=-1.0, known_after=60.0), client_business_id="kb1-A")

    visitor.now += 59
    early = visitor.look(task["id"])[0]
    visitor.now += 1_000_000

    assert early == 404
    assert (visitor.look("kb1-A")[0], visitor.look(task["id"])[0]) == (404, 200)


@pytest.mark.parametrize(
    ("absent", "body"),
    [
        (404, {"error": {"code": 404, "message": "Task not found", "type": "not_found_error"}}),
        (400, {"code": "task_not_exist", "message": "task_not_exist", "data": None}),
    ],
)
def test_an_unknown_task_is_told_in_both_known_ways(absent: int, body: dict[str, object]) -> None:
    assert visit(absent=absent).look("tsk_vid_unknown") == (absent, body)


def test_a_failed_task_is_refunded() -> None:
    visitor = visit(balance_usd=1.0)
    fate = Fate(message="Generation failed: Content violates the content policy", seconds=10.0)
    _, task = visitor.submit(fate)
    held = said(visitor.world.balance(visitor.caller))[1]["remain_balance"]
    visitor.now += 10

    status, body = visitor.look(task["id"])

    assert (status, body["status"]) == (200, "failed")
    assert body["error"] == {"code": "generation_failed", "message": fate.message}
    assert body["billing"] == {"status": "refunded", "credits": "0", "cost_usd": "0"}
    assert held == 0.816
    assert said(visitor.world.balance(visitor.caller))[1]["remain_balance"] == 1.0
    assert (visitor.ledger()["charges"][0]["status"], visitor.ledger()["usd"]) == ("refunded", "0")


def test_a_failed_task_can_keep_its_charge_and_have_a_number_for_a_code(visitor: Visitor) -> None:
    _, task = visitor.submit(Fate(code=1301, refunded=False, seconds=0.0))

    _, body = visitor.look(task["id"])

    assert body["error"]["code"] == 1301
    assert body["billing"]["status"] == "settled"
    assert visitor.ledger()["usd"] == "0.184"


def test_a_task_can_be_told_in_other_words_without_links_or_billing(visitor: Visitor) -> None:
    fate = Fate(
        seconds=0.0, urls_after=60.0, urls=2, billing=False, words={"queued": "pending", "completed": "SUCCESS"}
    )
    _, task = visitor.submit(fate)

    _, early = visitor.look(task["id"])
    visitor.now += 60
    _, late = visitor.look(task["id"])

    assert (task["status"], early["status"]) == ("pending", "SUCCESS")
    assert (len(early["result"]["data"]), len(late["result"]["data"])) == (0, 2)
    assert "billing" not in early


def test_deposits_are_held_until_the_money_is_gone() -> None:
    visitor = visit(balance_usd=0.5)

    statuses = [visitor.submit()[0] for _ in range(3)]

    assert statuses == [200, 200, 402]


def test_an_account_without_limit_says_so() -> None:
    visitor = visit(unlimited=True, balance_usd=0.0)

    assert visitor.submit()[0] == 200
    _, body = said(visitor.world.balance(visitor.caller))
    assert (body["remain_balance"], body["unlimited_quota"], body["used_credits"]) == (-1, True, 36.8)


def test_the_in_flight_cap_lets_the_next_one_in_when_one_is_done() -> None:
    visitor = visit(in_flight=1)
    visitor.submit(Fate(seconds=10.0))

    refused, body = visitor.submit()
    visitor.now += 10
    taken, _ = visitor.submit()

    assert (refused, taken) == (429, 200)
    assert "上游负载已饱和" in body["error"]["message"]


def test_submits_are_limited_and_told_how_long_to_wait(visitor: Visitor) -> None:
    answers = [visitor.world.submit(visitor.caller, b"{}") for _ in range(51)]

    assert [each.status for each in answers] == [400] * 50 + [429]
    assert dict(answers[0].headers)["x-ratelimit-remaining"] == "49"
    last = dict(answers[-1].headers)
    assert (last["retry-after"], last["x-ratelimit-category"], last["x-ratelimit-limit"]) == ("1", "async_submit", "50")
    assert last["x-ratelimit-reset"] == str(1778569600 + 10)
    visitor.now += 0.2
    assert visitor.submit()[0] == 200


def test_looks_have_a_limit_of_their_own(visitor: Visitor) -> None:
    statuses = [visitor.look("x")[0] for _ in range(501)]

    assert statuses == [404] * 500 + [429]
    assert visitor.submit()[0] == 200


def test_a_clock_that_goes_back_gives_no_tokens(visitor: Visitor) -> None:
    for _ in range(50):
        visitor.submit()
    visitor.now -= 3600

    assert visitor.submit()[0] == 429


def test_durations_are_drawn_about_the_median_and_divided_by_speed() -> None:
    world = World(Terms(group="svip", speed=45.0))
    answers = [world.submit(_caller(number), b'{"model":"kling-v2-6","prompt":"x"}') for number in range(300)]
    ids = [json.loads(each.body)["id"] for each in answers]

    seconds = [task.seconds for each in ids if (task := world.find(each)) is not None]

    assert len(set(ids)) == 300
    assert 1.7 < statistics.median(seconds) < 2.3
    assert min(seconds) > 0.3


def test_the_same_seed_and_times_make_the_same_world() -> None:
    def life(seed: int) -> list[bytes]:
        world = World(Terms(seed=seed))
        return [world.submit(_caller(n), b'{"model":"kling-v2-6","prompt":"x"}').body for n in range(5)]

    assert life(1) == life(1)
    assert life(1) != life(2)


def test_a_world_made_from_its_facts_goes_on_where_it_stood(visitor: Visitor) -> None:
    _, task = visitor.submit(Fate(message="no", seconds=60.0), client_business_id="kb1-A", prompt="茶壶")
    _, uploaded = said(visitor.world.upload(visitor.caller, PNG))
    lines = b"".join(to_line(fact) for fact in visitor.world.drain())
    before = visitor.look("kb1-A"), visitor.ledger()

    visitor.world = World(Terms(), from_lines(lines + b'{"fact": "task", "id": "tor'))

    assert (visitor.look("kb1-A"), visitor.ledger()) == before
    assert visitor.submit(client_business_id="kb1-A")[1]["id"] == task["id"]
    assert visitor.submit(reference_images=[uploaded["data"]["url"]])[0] == 200
    assert visitor.world.drain() != []


def test_nothing_is_forgotten_and_nothing_is_told_twice(visitor: Visitor) -> None:
    visitor.submit()

    assert len(visitor.world.drain()) == 1
    assert visitor.world.drain() == []
    visitor.look("x")
    assert visitor.world.drain() == []


@pytest.mark.parametrize(
    ("content", "kind", "suffix"),
    [
        (PNG, "image/png", "png"),
        (b"\xff\xd8\xff" + bytes(9), "image/jpeg", "jpg"),
        (b"GIF89a", "image/gif", "gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp", "webp"),
    ],
)
def test_an_image_is_known_by_its_first_bytes(visitor: Visitor, content: bytes, kind: str, suffix: str) -> None:
    status, body = said(visitor.world.upload(visitor.caller, content))

    assert (status, body["success"], body["data"]["mime_type"]) == (200, True, kind)
    assert body["data"]["size"] == len(content)
    assert body["data"]["url"].endswith(suffix)
    assert visitor.submit(reference_images=[body["data"]["url"]])[0] == 200


@pytest.mark.parametrize("content", [None, b"", b"<svg/>", PNG + bytes(10 * 1024 * 1024)])
def test_what_is_no_image_or_too_large_is_not_taken_in(visitor: Visitor, content: bytes | None) -> None:
    status, body = said(visitor.world.upload(visitor.caller, content))

    assert (status, body["success"]) == (400, False)
    assert body["message"]


def test_the_ledger_counts_every_charge_to_the_cent(visitor: Visitor) -> None:
    for number in range(10):
        visitor.submit(client_business_id=f"kb1-{number % 7}", mode="pro", duration=10)

    ledger = visitor.ledger()

    assert sum(Decimal(charge["usd"]) for charge in ledger["charges"]) == Decimal(ledger["usd"]) == Decimal("4.375")
    assert ledger["by_business_id"] == {f"kb1-{number}": 1 for number in range(7)}


def _caller(number: int) -> Caller:
    return Caller(key="sandbox", origin="http://127.0.0.1:1", now=1_778_569_600.0 + number)
