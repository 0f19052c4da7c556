"""Faults on demand, as a client on a real socket meets them."""

import gzip
import http.client
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest

from kling_batch.sandbox.desk import Desk
from kling_batch.sandbox.outgoing import replied
from kling_batch.sandbox.scenario import Reply, Scenario, parse
from kling_batch.sandbox.server import app
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import World

Open = Callable[..., httpx.Client]
REQUEST: dict[str, object] = {"model": "kling-v2-6", "prompt": "a kettle on a stove", "client_business_id": "kb1-A"}
GENERATIONS = "videos/generations"


def submit(client: httpx.Client, **fields: object) -> httpx.Response:
    return client.post(GENERATIONS, json={**REQUEST, **fields})


def charges(client: httpx.Client) -> int:
    return len(client.get("sandbox/ledger").json()["charges"])


def link(client: httpx.Client) -> str:
    submit(client)
    return str(client.get(f"{GENERATIONS}/kb1-A").json()["result"]["data"][0]["url"])


def until_broken(answer: httpx.Response) -> bytes:
    """Return what comes of a body that breaks off."""
    got = b""
    try:
        for chunk in answer.iter_raw():
            got += chunk
    except httpx.RemoteProtocolError:
        return got
    raise AssertionError("the body came whole")


def at_once(*rules: dict[str, object]) -> tuple[dict[str, object], ...]:
    """Return the rules, and one that completes every task at once."""
    return ({"on": "submit", "do": {"task": {"seconds": 0}}}, *rules)


@pytest.mark.parametrize(("moment", "paid"), [("arrival", 0), ("read", 0), ("handled", 1)])
def test_a_dropped_connection_is_reset_before_or_after_the_charge(open_sandbox: Open, moment: str, paid: int) -> None:
    client = open_sandbox({"on": "submit", "when": {"nth": 1}, "do": {"drop": moment}})

    # A body that is still being sent when the reset comes ends in a broken pipe and an end of file.
    with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
        submit(client)

    assert charges(client) == paid
    assert submit(client).status_code == 200
    assert charges(client) == 1


@pytest.mark.parametrize(("moment", "paid"), [("arrival", 0), ("read", 0), ("handled", 1)])
def test_a_hanging_answer_comes_before_or_after_the_charge(open_sandbox: Open, moment: str, paid: int) -> None:
    client = open_sandbox({"on": "submit", "do": {"hang": moment}})

    with pytest.raises(httpx.ReadTimeout):
        client.post(GENERATIONS, json=REQUEST, timeout=0.2)

    assert charges(client) == paid


def test_an_answer_can_be_lost_after_the_charge_in_any_documented_shape(open_sandbox: Open) -> None:
    error = {"error": {"code": "internal_error", "message": "x"}}
    client = open_sandbox(
        {"on": "submit", "when": {"nth": 1}, "do": {"reply": {"status": 500, "body": error, "handled": True}}},
        {"on": "submit", "when": {"nth": 2}, "do": {"reply": {"status": 504, "body": "<html>504</html>"}}},
        {"on": "submit", "when": {"nth": 3}, "do": {"reply": {"body": '{"id": ', "handled": True}}},
        {"on": "submit", "when": {"nth": 4}, "do": {"reply": {"status": 429, "headers": {"Retry-After": "7"}}}},
    )

    answers = [submit(client, client_business_id=f"kb1-{number}") for number in range(4)]

    assert [each.status_code for each in answers] == [500, 504, 200, 429]
    assert [each.text for each in answers[1:3]] == ["<html>504</html>", '{"id": ']
    assert answers[0].json() == error
    assert answers[1].headers["content-type"] == "text/html; charset=utf-8"
    assert answers[3].headers["retry-after"] == "7"
    assert charges(client) == 2


def test_an_answer_can_come_in_another_dialect(open_sandbox: Open) -> None:
    client = open_sandbox(
        {"on": "submit", "when": {"nth": 1}, "do": {"reshape": {"remove": ["id"]}}},
        {"on": "submit", "when": {"nth": 2}, "do": {"reshape": {"move": {"id": "task_id", "x": "y"}}}},
        {"on": "submit", "when": {"nth": 3}, "do": {"reshape": {"set": {"status": ""}, "under": "data"}}},
    )

    bare, moved, wrapped = (submit(client).json() for _ in range(3))

    assert "id" not in bare
    assert moved["task_id"] == wrapped["data"]["id"]
    assert list(wrapped) == ["data"]
    assert wrapped["data"]["status"] == ""
    assert charges(client) == 1


def test_a_refusal_that_is_no_task_can_be_reshaped_too(open_sandbox: Open) -> None:
    client = open_sandbox({"on": "look", "do": {"reshape": {"set": {"more": 1}}}})

    assert client.get(f"{GENERATIONS}/x").json()["more"] == 1


def test_half_an_answer_is_half_an_answer(open_sandbox: Open) -> None:
    client = open_sandbox({"on": "submit", "do": {"transfer": {"cut": 20}}})

    with client.stream("POST", GENERATIONS, json=REQUEST) as answer:
        body = until_broken(answer)

    assert body.startswith(b'{"id":"tsk_vid_')
    assert len(body) == 20
    assert charges(client) == 1


def test_an_answer_can_come_slowly(open_sandbox: Open) -> None:
    client = open_sandbox({"on": "submit", "do": {"delay": 0.1, "transfer": {"bytes_per_second": 1000}}})
    begun = time.monotonic()

    answer = submit(client)

    assert answer.json()["client_business_id"] == "kb1-A"
    assert time.monotonic() - begun > 0.1 + 0.1


def test_a_download_can_be_cut_and_resumed(open_sandbox: Open) -> None:
    rules = at_once({"on": "download", "when": {"nth": 1}, "do": {"transfer": {"cut": 5000}}})
    client = open_sandbox(*rules)
    url = link(client)

    with client.stream("GET", url) as answer:
        part = until_broken(answer)
        etag = answer.headers["etag"]
    rest = client.get(url, headers={"Range": "bytes=5000-", "If-Range": etag})
    whole = client.get(url).content

    assert (len(part), rest.status_code) == (5000, 206)
    assert part + rest.content == whole


def test_a_download_can_come_without_a_length_and_cut(open_sandbox: Open) -> None:
    rules = at_once({"on": "download", "when": {"nth": 1}, "do": {"transfer": {"cut": 5000, "length": -1}}})
    client = open_sandbox(*rules)
    url = link(client)

    answer = client.get(url)

    assert "content-length" not in answer.headers
    assert len(answer.content) == 5000


def test_a_length_can_lie(open_sandbox: Open) -> None:
    client = open_sandbox(*at_once({"on": "download", "do": {"transfer": {"length": 1000}}}))
    url = link(client)

    assert len(client.get(url).content) == 1000
    assert client.head(url).headers["content-length"] == "1000"


def test_a_range_can_be_ignored_and_a_validator_can_change(open_sandbox: Open) -> None:
    do = {"whole": True, "headers": {"ETag": '"other"', "Accept-Ranges": None}}
    client = open_sandbox(*at_once({"on": "download", "do": do}))

    answer = client.get(link(client), headers={"Range": "bytes=100-"})

    assert (answer.status_code, answer.headers["etag"]) == (200, '"other"')
    assert "accept-ranges" not in answer.headers


def test_a_download_can_be_refused_or_sent_elsewhere_or_be_a_page(open_sandbox: Open) -> None:
    client = open_sandbox(
        *at_once(
            {"on": "download", "when": {"nth": 1}, "do": {"reply": {"status": 403, "body": "<Error/>"}}},
            {
                "on": "download",
                "when": {"nth": 2},
                "do": {"reply": {"status": 302, "headers": {"Location": "file:///x"}}},
            },
            {
                "on": "download",
                "when": {"nth": 3},
                "do": {"reply": {"body": "<html>", "headers": {"content-type": "video/mp4"}}},
            },
        )
    )
    url = link(client)

    refused, moved, page = (client.get(url) for _ in range(3))

    assert refused.status_code == 403
    assert (moved.status_code, moved.headers["location"]) == (302, "file:///x")
    assert (page.text, page.headers["content-type"]) == ("<html>", "video/mp4")


def test_a_bomb_unpacks_to_its_size(open_sandbox: Open) -> None:
    client = open_sandbox(*at_once({"on": "download", "do": {"reply": {"bomb": 5_000_001}}}))

    with client.stream("GET", link(client)) as answer:
        packed = b"".join(answer.iter_raw())

    assert answer.headers["content-encoding"] == "gzip"
    assert len(packed) < 10_000
    assert gzip.decompress(packed) == bytes(5_000_001)


def test_an_endless_body_goes_on_until_the_client_has_enough(open_sandbox: Open) -> None:
    client = open_sandbox(*at_once({"on": "download", "do": {"transfer": {"endless": True}}}))
    url = link(client)
    got = 0

    with client.stream("GET", url) as answer:
        for chunk in answer.iter_raw():
            got += len(chunk)
            if got > 3_000_000:
                break

    assert "content-length" not in answer.headers
    assert client.get("balance").status_code == 200


def test_any_bytes_can_be_sent_instead_of_an_answer(open_sandbox: Open) -> None:
    raw = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"
    client = open_sandbox({"on": "submit", "do": {"raw": raw}})

    with pytest.raises(httpx.RemoteProtocolError):
        submit(client)

    assert charges(client) == 1


def test_a_rule_can_be_for_one_prompt_from_the_submit_to_the_download(open_sandbox: Open) -> None:
    no = {"reply": {"status": 502}}
    client = open_sandbox(
        *at_once(
            {"on": "look", "when": {"prompt": "red"}, "do": no},
            {"on": "download", "when": {"id": "kb1-*"}, "do": no},
        )
    )
    url = link(client)
    red = submit(client, prompt="a red kettle", client_business_id="red").json()["id"]

    looks = [client.get(f"{GENERATIONS}/{each}").status_code for each in ("kb1-A", "red", red, "unknown")]

    assert looks == [200, 502, 502, 404]
    assert client.get(url).status_code == 502


def test_a_sandbox_ends_while_somebody_still_waits(open_sandbox: Open) -> None:
    client = open_sandbox({"on": "balance", "do": {"hang": "read"}})
    address = (str(client.base_url.host), int(client.base_url.port or 0))

    waiting = http.client.HTTPConnection(*address)
    waiting.request("GET", "/v1/balance", headers={"Authorization": "Bearer x"})

    assert client.get("models").status_code == 200
    waiting.close()


def test_a_client_that_goes_away_in_mid_request_does_no_harm(open_sandbox: Open) -> None:
    client = open_sandbox()
    address = (str(client.base_url.host), int(client.base_url.port or 0))

    with socket.create_connection(address) as half:
        half.sendall(b"POST /v1/videos/generations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")

    assert client.get("models").status_code == 200
    assert charges(client) == 0


async def _call(desk: Desk) -> Any:
    transport = httpx.ASGITransport(app(desk))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox/v1") as client:
        return await client.post(f"/{GENERATIONS}", json=REQUEST, headers={"Authorization": "Bearer x"})


@pytest.fixture
def dropping() -> Iterator[Desk]:
    rules = parse('{"rules": [{"on": "submit", "do": {"drop": "handled"}}]}').rules
    return Desk(world=World(Terms()), terms=Terms(), clock=lambda: 1e9, sleep=anyio.sleep, scenario=Scenario(rules))


def test_within_the_process_a_broken_connection_is_an_exception(dropping: Desk) -> None:
    with pytest.raises(ConnectionResetError):
        anyio.run(_call, dropping)

    assert dropping.world.find("kb1-A") is not None


def test_a_reply_is_json_unless_it_is_text() -> None:
    answers = [replied(Reply(body=body)) for body in ({"a": [1, None]}, None, "<p>", "plain")]

    assert [each.body for each in answers] == [b'{"a":[1,null]}', b"null", b"<p>", b"plain"]
