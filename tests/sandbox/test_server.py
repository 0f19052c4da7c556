import io
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from kling_batch.errors import StateError, UsageError
from kling_batch.media.boxes import Video, inspect
from kling_batch.sandbox.desk import Desk
from kling_batch.sandbox.server import Config, app, serve
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import World

Open = Callable[..., httpx.Client]
REQUEST: dict[str, object] = {"model": "kling-v2-6", "prompt": "a kettle on a stove"}
GENERATIONS = "videos/generations"


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A sandbox that all tests share which need nothing special of it."""
    headers = {"Authorization": "Bearer sandbox"}
    with (
        serve(Config(speed=9000.0)) as url,
        httpx.Client(base_url=url, headers=headers, timeout=5.0, trust_env=False) as client,
    ):
        yield client


def submit(client: httpx.Client, **fields: object) -> httpx.Response:
    return client.post(GENERATIONS, json={**REQUEST, **fields})


def finished(client: httpx.Client, **fields: object) -> dict[str, Any]:
    """Submit a request and look until it is final, for five seconds at most."""
    identifier = submit(client, **fields).json()["id"]
    end = time.monotonic() + 5
    while time.monotonic() < end:
        task: dict[str, Any] = client.get(f"{GENERATIONS}/{identifier}").json()
        if task["status"] in ("completed", "failed"):
            return task
    raise AssertionError("the task is not final after five seconds")


def link(client: httpx.Client, **fields: object) -> str:
    return str(finished(client, **fields)["result"]["data"][0]["url"])


def charges(client: httpx.Client) -> int:
    return len(client.get("sandbox/ledger").json()["charges"])


def test_a_video_is_made_and_is_what_was_asked_for(client: httpx.Client, tmp_path: Path) -> None:
    content = client.get(link(client, mode="pro", aspect_ratio="9:16", duration=10, audio=True)).content

    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert inspect(file, len(content)) == Video(seconds=10.0, width=1080, height=1920, audio=True)


def test_no_two_tasks_have_the_same_file(client: httpx.Client) -> None:
    first, second = (client.get(link(client)).content for _ in range(2))

    assert first != second


def test_the_file_host_needs_no_key(client: httpx.Client) -> None:
    url = link(client)

    assert httpx.get(url, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "status", "start", "stop"),
    [
        ("bytes=0-99", 206, 0, 100),
        ("bytes=100-", 206, 100, None),
        ("bytes=-50", 206, -50, None),
        ("bytes=5-99999999", 206, 5, None),
        ("bytes=-99999999", 206, 0, None),
        ("bytes=9-5", 200, 0, None),
        ("bytes=-", 200, 0, None),
        ("bytes=0-1,5-9", 200, 0, None),
        ("frames=0-1", 200, 0, None),
    ],
)
def test_a_range_gives_that_part_of_the_file(
    client: httpx.Client, wanted: str, status: int, start: int, stop: int | None
) -> None:
    url = link(client)
    whole = client.get(url).content

    part = client.get(url, headers={"Range": wanted})

    assert part.status_code == status
    assert part.content == whole[start:stop]
    if status == 206:
        at = start % len(whole)
        assert part.headers["content-range"] == f"bytes {at}-{at + len(part.content) - 1}/{len(whole)}"


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0"])
def test_a_range_outside_the_file_is_416(client: httpx.Client, wanted: str) -> None:
    url = link(client)
    total = int(client.head(url).headers["content-length"])

    answer = client.get(url, headers={"Range": wanted})

    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{total}")


@pytest.mark.parametrize(("etag", "status"), [(None, 206), ('"another"', 200), ('W/"weak"', 200)])
def test_a_range_holds_only_while_the_file_is_the_same(client: httpx.Client, etag: str | None, status: int) -> None:
    url = link(client)
    own = client.head(url).headers["etag"]

    answer = client.get(url, headers={"Range": "bytes=10-", "If-Range": etag or own})

    assert answer.status_code == status
    assert answer.headers["etag"] == own
    assert own.startswith('"')


def test_videos_can_be_padded_to_a_size(open_sandbox: Open) -> None:
    client = open_sandbox(clip_bytes=3_000_000)
    url = link(client)

    content = client.get(url).content
    tail = client.get(url, headers={"Range": "bytes=2999990-"}).content

    assert len(content) == 3_000_000
    assert tail == content[2_999_990:]


def test_a_painted_video_is_fetched_in_pieces_and_again_by_another_sandbox(open_sandbox: Open, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the extra `media` is needed to paint")
    state = tmp_path / "tasks.jsonl"
    first = open_sandbox(paint=True, state=state)
    url = link(first, aspect_ratio="9:16", prompt="一只纸船 🙂")
    whole = first.get(url).content
    shipped = open_sandbox(paint=False, state=state)

    half = first.get(url, headers={"Range": f"bytes={len(whole) // 2}-", "If-Range": first.head(url).headers["etag"]})
    again = shipped.get(httpx.URL(url).copy_with(port=shipped.base_url.port)).content

    assert inspect(io.BytesIO(whole), len(whole)) == Video(seconds=5.0, width=720, height=1280, audio=False)
    assert (half.status_code, half.content) == (206, whole[len(whole) // 2 :])
    assert again == whole
    assert whole[:50_000] != shipped.get(link(shipped, aspect_ratio="9:16")).content[:50_000]


def test_a_task_of_a_painting_sandbox_has_a_video_where_nothing_can_paint() -> None:
    desk = Desk(world=World(Terms(paint=True, speed=1e9)), terms=Terms(), clock=time.time, sleep=anyio.sleep)

    async def content() -> bytes:
        transport = httpx.ASGITransport(app(desk))
        headers = {"Authorization": "Bearer sandbox"}
        async with httpx.AsyncClient(base_url="http://sandbox/v1", transport=transport, headers=headers) as client:
            identifier = (await client.post(GENERATIONS, json=REQUEST)).json()["id"]
            task = (await client.get(f"{GENERATIONS}/{identifier}")).json()
            return (await client.get(task["result"]["data"][0]["url"])).content

    found = anyio.run(content)

    assert isinstance(inspect(io.BytesIO(found), len(found)), Video)


def test_a_painted_video_can_be_padded_too(open_sandbox: Open) -> None:
    pytest.importorskip("av", reason="the extra `media` is needed to paint")
    client = open_sandbox(paint=True, clip_bytes=3_000_000)

    content = client.get(link(client)).content

    assert len(content) == 3_000_000
    assert isinstance(inspect(io.BytesIO(content), len(content)), Video)


def test_a_forged_link_is_refused(client: httpx.Client) -> None:
    url = link(client)

    assert client.get(url.replace(".mp4", "0.mp4")).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v1/v1/videos/generations", 404, "Invalid URL (POST /v1/v1/videos/generations)"),
        ("GET", "/nowhere", 404, "Invalid URL (GET /nowhere)"),
        ("GET", "/no%0Awhere", 404, "Invalid URL (GET /no%0Awhere)"),
        ("GET", "/v1/videos/generations/a%0A%2Fb", 404, "Task not found"),
        ("DELETE", "/v1/balance", 405, "Method not allowed"),
        ("GET", "/v1/videos/generations", 405, "Method not allowed"),
    ],
)
def test_a_wrong_address_is_told_in_the_services_words(
    client: httpx.Client, method: str, path: str, status: int, message: str
) -> None:
    answer = client.request(method, str(client.base_url.join(path)))

    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)
    assert ("allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize("path", ["videos/generations/x", "balance", "user/balance", "models", "pricing"])
@pytest.mark.parametrize("header", ["", "Bearer", "Basic sandbox", "Bearer sk-bad", "sandbox"])
def test_every_address_wants_a_key(client: httpx.Client, path: str, header: str) -> None:
    answer = client.get(path, headers={"Authorization": header})

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401)


def test_models_and_prices_can_be_asked_for(client: httpx.Client) -> None:
    models = [client.get("models", params=params).json()["data"][0]["id"] for params in ({}, {"type": "video"})]
    prices = client.get("pricing", params={"model": "kling-v2-6", "type": "video", "limit": 1}).json()

    assert models == ["sandbox-text", "kling-v2-6"]
    assert [each["unit_price"] for each in prices["data"][0]["prices"]] == ["0.0368", "0.0625", "0.125"]
    statuses = [client.get("pricing", params=p).status_code for p in ({"limit": "0"}, {"limit": "x"}, {"model": "x"})]
    assert statuses == [400, 400, 404]
    assert client.get("pricing", params={"after": "kling-v2-6"}).json()["data"] == []


def test_an_image_is_uploaded_and_used(client: httpx.Client) -> None:
    image = b"\x89PNG\r\n\x1a\n" + bytes(2_000_000)

    answer = client.post("uploads/images", files={"file": ("kettle.png", image)}, data={"purpose": "generation"})

    assert answer.json()["success"] is True
    assert submit(client, reference_images=[answer.json()["data"]["url"]]).status_code == 200


def test_a_form_without_exactly_one_file_is_refused(client: httpx.Client) -> None:
    png = ("a.png", b"\x89PNG\r\n\x1a\n")

    answers = [
        client.post("uploads/images", files=[("file", png), ("file", png)]),
        client.post("uploads/images", files={"image": png}),
        client.post("uploads/images", content=b"no form"),
        client.post("uploads/images", content=b"--x", headers={"content-type": "multipart/form-data; boundary=y"}),
        client.post("uploads/images", content=b"--x", headers={"content-type": "multipart/form-data"}),
    ]

    assert [each.status_code for each in answers] == [400] * 5


def test_an_image_above_the_limit_is_refused(client: httpx.Client) -> None:
    image = b"\x89PNG\r\n\x1a\n" + bytes(10 * 1024 * 1024)

    answers = [client.post("uploads/images", files={"file": ("a.png", image * n)}) for n in (1, 2)]

    assert answers[0].json() == {"success": False, "message": "Image too large. Maximum size is 10MB"}
    assert answers[1].status_code == 413


def test_a_huge_body_is_refused_without_a_charge(client: httpx.Client) -> None:
    before = charges(client)

    answer = submit(client, metadata={"x": "y" * 3_000_000})

    assert answer.status_code == 413
    assert charges(client) == before


def test_a_restarted_sandbox_knows_what_was_paid_for(open_sandbox: Open, tmp_path: Path) -> None:
    state = tmp_path / "deep" / "sandbox.jsonl"
    first = open_sandbox(state=state)
    task = finished(first, client_business_id="kb1-A")

    second = open_sandbox(state=state)

    found = second.get(f"{GENERATIONS}/kb1-A").json()
    assert found["id"] == task["id"]
    assert second.get(found["result"]["data"][0]["url"]).status_code == 200
    assert submit(second, client_business_id="kb1-A").json()["id"] == task["id"]
    assert charges(second) == 1


def test_a_torn_last_line_of_the_state_is_cut_off(open_sandbox: Open, tmp_path: Path) -> None:
    state = tmp_path / "sandbox.jsonl"
    submit(open_sandbox(state=state), client_business_id="kb1-A")
    whole = state.read_bytes()
    state.write_bytes(whole + whole[: len(whole) // 2])

    client = open_sandbox(state=state)
    submit(client, client_business_id="kb1-B")

    assert charges(client) == 2
    assert charges(open_sandbox(state=state)) == 2


@pytest.mark.parametrize(
    "damage", [b"no json\n", b'{"fact":"other"}\n', b'{"fact":"task","usd":"x","fate":{}}\n', b"[]\n"]
)
def test_a_damaged_state_is_told_and_left_alone(tmp_path: Path, damage: bytes) -> None:
    state = tmp_path / "sandbox.jsonl"
    state.write_bytes(damage)

    with pytest.raises(StateError, match="damaged"), serve(Config(state=state)):
        pass

    assert state.read_bytes() == damage


def test_what_it_cannot_run_with_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        configs = [
            Config(port=taken.getsockname()[1]),
            Config(scenario=tmp_path / "missing.json"),
            Config(state=tmp_path),
        ]

        for config in configs:
            with pytest.raises(UsageError), serve(config):
                pass


def test_options_go_before_the_scenario(open_sandbox: Open, tmp_path: Path) -> None:
    fast = open_sandbox(service={"speed": 0.001, "seed": 3}, speed=90_000.0, seed=4)
    path = tmp_path / "slow.json"
    path.write_text(json.dumps({"service": {"speed": 0.001}}), "utf-8")

    assert finished(fast)["status"] == "completed"
    with (
        serve(Config(scenario=path)) as url,
        httpx.Client(base_url=url, headers={"Authorization": "Bearer x"}, trust_env=False) as slow,
    ):
        identifier = submit(slow).json()["id"]
        status = slow.get(f"{GENERATIONS}/{identifier}").json()["status"]

    assert status == "queued"


async def _within(desk: Desk) -> tuple[int, int]:
    transport = httpx.ASGITransport(app(desk))
    headers = {"Authorization": "Bearer sandbox"}
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox/v1", headers=headers) as client:
        answer = await client.post(f"/{GENERATIONS}", json=REQUEST)
        looked = await client.get(f"/{GENERATIONS}/{answer.json()['id']}")
    return answer.status_code, looked.status_code


def test_it_can_be_called_within_the_process_at_any_time_of_day() -> None:
    desk = Desk(world=World(Terms()), terms=Terms(), clock=lambda: 1e9, sleep=anyio.sleep)

    assert anyio.run(_within, desk) == (200, 200)


def test_the_world_needs_neither_server_nor_client_library() -> None:
    script = "import sys, kling_batch.sandbox.world, kling_batch.sandbox.desk, kling_batch.cli.sandbox\n"
    script += "print({'starlette', 'uvicorn', 'httpx', 'anyio'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
