"""The served gallery over real HTTP: what it hands out, to whom, and the one thing that it writes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import httpx
import pytest
import uvicorn
from campaigns import Bench

import kling_batch
from kling_batch.cli.asked import Asked
from kling_batch.cli.live_gallery import LiveGallery
from kling_batch.cli.main import main
from kling_batch.cli.serve import app
from kling_batch.plan.select import Selection

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
KEY = "hero/n=n0#1"
FINE = {"key": KEY, "verdict": "pick", "note": "so", "video": ""}


@contextmanager
def served(folder: Path) -> Iterator[httpx.Client]:
    """Serve the gallery of `m.yaml` in a process of its own, and end it as Ctrl-C does."""
    words = [sys.executable, "-m", "kling_batch", "review", "m.yaml", "--serve"]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().decode().strip()
        with httpx.Client(base_url=url, trust_env=False) as client:
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        process.stdout.close()


@pytest.fixture
def bench(folder: Path) -> Bench:
    made = Bench(folder=folder)
    made.write(2)
    assert made.run().exit_code == 0
    return made


@contextmanager
def answered(folder: Path) -> Iterator[httpx.Client]:
    """Answer in this process, where coverage can see it."""
    asked = Asked(manifest=str(folder / "m.yaml"), variables={})
    campaign = asked.campaign()
    live = LiveGallery(
        asked=asked,
        campaign=campaign,
        selection=Selection(),
        folder=campaign.places.outputs / "review",
        token="token",
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app(live), ws="none", lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(params=[served, answered])
def client(bench: Bench, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    with request.param(bench.folder) as found:
        yield found


def token(client: httpx.Client) -> dict[str, str]:
    return {"X-Kling-Batch-Token": client.get("data.json").json()["token"]}


def test_the_page_comes_with_a_policy_that_names_nobody_else(client: httpx.Client) -> None:
    page = client.get("/")

    policy = page.headers["content-security-policy"]
    assert page.status_code == 200
    assert policy.startswith("default-src 'none'; ")
    assert "connect-src 'self'" in policy
    assert "http" not in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"


def test_a_video_is_sent_whole_and_in_ranges(client: httpx.Client, bench: Bench) -> None:
    card = client.get("data.json").json()["cards"][0]
    whole = (bench.folder / "out/hero/n0-t1.mp4").read_bytes()

    part = client.get(card["draw"]["video"], headers={"Range": "bytes=10-19"})

    assert client.get(card["draw"]["video"]).content == whole
    assert (part.status_code, part.content) == (206, whole[10:20])


def test_a_poster_is_a_picture(client: httpx.Client) -> None:
    card = client.get("data.json").json()["cards"][0]

    poster = client.get(card["draw"]["poster"])

    assert (poster.headers["content-type"], poster.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [("bytes=5-", 206, slice(5, None)), ("bytes=-5", 206, slice(-5, None)), ("bytes=99999999-", 416, slice(0, 0))],
)
def test_a_range_is_answered_as_a_browser_expects(
    client: httpx.Client, bench: Bench, asked: str, status: int, part: slice
) -> None:
    whole = (bench.folder / "out/hero/n0-t1.mp4").read_bytes()

    answer = client.get("media/hero/n0-t1.mp4", headers={"Range": asked})

    assert answer.status_code == status
    assert answer.content == whole[part]


def test_a_pick_is_in_the_file_at_once_beside_what_a_person_wrote_meanwhile(client: httpx.Client, bench: Bench) -> None:
    path = bench.folder / "m.picks.yaml"
    headers = token(client)
    client.put("picks", json=FINE, headers=headers)
    path.write_text(path.read_text() + "  # mine\n  hero/n=n1#1: {note: by hand}\n")

    answer = client.put("picks", json={**FINE, "verdict": "reject", "note": "no\u202e\x00"}, headers=headers)

    assert answer.json() == {"picks": {KEY: {"verdict": "reject", "note": "no", "video": ""}}}
    assert path.read_text().endswith(
        f'  "{KEY}": {{"verdict": "reject", "note": "no"}}\n  # mine\n  hero/n=n1#1: {{note: by hand}}\n'
    )
    verdicts = [card["pick"] for card in client.get("data.json").json()["cards"]]
    assert [each["verdict"] for each in verdicts] == ["reject", None]


def test_of_what_was_not_said_the_file_has_the_last_word(client: httpx.Client, bench: Bench) -> None:
    path = bench.folder / "m.picks.yaml"
    headers = token(client)
    client.put("picks", json=FINE, headers=headers)
    path.write_text(path.read_text().replace('"so"', '"by hand"'))

    judged = client.put("picks", json={"key": KEY, "verdict": "reject", "video": "0123456789ab"}, headers=headers)
    noted = client.put("picks", json={"key": KEY, "note": "later"}, headers=headers)

    assert judged.json()["picks"][KEY] == {"verdict": "reject", "note": "by hand", "video": "0123456789ab"}
    assert noted.json()["picks"][KEY] == {"verdict": "reject", "note": "later", "video": "0123456789ab"}


def test_a_picks_file_that_was_damaged_meanwhile_stays_as_it_is(client: httpx.Client, bench: Bench) -> None:
    headers = token(client)
    (bench.folder / "m.picks.yaml").write_text("picks: [oh]\n")

    answer = client.put("picks", json=FINE, headers=headers)

    assert answer.status_code == 409
    assert "m.picks.yaml:1:8: error[wrong-type]" in answer.json()["error"]
    assert client.get("data.json").status_code == 409
    assert KEY in client.get("/").text
    assert (bench.folder / "m.picks.yaml").read_text() == "picks: [oh]\n"


def test_only_this_machine_is_answered(client: httpx.Client) -> None:
    hosts = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1"]
    asked = (("GET", "/"), ("GET", "/data.json"), ("PUT", "/picks"), ("GET", "/media/hero/n0-t1.mp4"))

    answers = [client.request(method, path, headers={"Host": host}) for host in hosts for method, path in asked]

    assert {answer.status_code for answer in answers} <= {400, 421}
    assert not any("hero" in answer.text for answer in answers)


def test_a_pick_from_another_page_is_refused(client: httpx.Client, bench: Bench) -> None:
    ours = token(client)
    strange = [
        {"X-Kling-Batch-Token": ""},
        {"X-Kling-Batch-Token": "guess"},
        {**ours, "Origin": "http://evil.example"},
        {**ours, "Origin": "null"},
    ]

    statuses = [client.put("picks", json=FINE, headers=headers).status_code for headers in strange]

    assert statuses == [403] * 4
    assert not (bench.folder / "m.picks.yaml").exists()


BODIES = {
    b"": 400,
    b"{": 400,
    b"[" * 20_000: 400,
    b"7": 400,
    json.dumps({**FINE, "verdict": "maybe"}).encode(): 400,
    json.dumps({**FINE, "note": 7}).encode(): 400,
    json.dumps({**FINE, "verdict": ["pick"]}).encode(): 400,
    json.dumps({**FINE, "key": None}).encode(): 400,
    json.dumps({"key": KEY, "video": ""}).encode(): 400,
    json.dumps({**FINE, "key": "nobody#1"}).encode(): 404,
    json.dumps({**FINE, "key": "\ud800"}).encode(): 404,
    b" " * 70_000: 413,
}


def test_a_body_that_is_no_pick_writes_nothing(client: httpx.Client, bench: Bench) -> None:
    headers = token(client)

    answers = [client.put("picks", content=body, headers=headers) for body in BODIES]

    assert [answer.status_code for answer in answers] == list(BODIES.values())
    assert all(answer.json()["error"] for answer in answers)
    assert not (bench.folder / "m.picks.yaml").exists()


PATHS = (
    "media/%2e%2e/m.yaml",
    "media/..%2fm.yaml",
    "media//etc/passwd",
    "media/hero/n0-t1.mp4.json",
    "media/linked.mp4",
    "media/hero%00.mp4",
    "media/%5c..%5cm.mp4",
    "posters/%2e%2e%2fx.jpg",
    "openapi.json",
    f"media/{'a' * 5000}.mp4",
    f"media/{'a/' * 1500}a.mp4",
    "media/%ed%a0%80.mp4",
)


def test_nothing_but_videos_below_the_outputs_is_handed_out(client: httpx.Client, bench: Bench) -> None:
    (bench.folder / "out/linked.mp4").symlink_to(bench.manifest)
    base = str(client.base_url).rstrip("/")

    answers = [client.get(f"{base}/{path}") for path in PATHS]

    assert {path: answer.status_code for path, answer in zip(PATHS, answers, strict=True)} == dict.fromkeys(PATHS, 404)
    assert not any("project" in answer.text for answer in answers)


def test_a_pick_without_a_video_is_of_the_one_that_is_there(client: httpx.Client, bench: Bench) -> None:
    said = {"key": KEY, "verdict": "pick", "note": ""}

    answer = client.put("picks", json=said, headers=token(client))

    made = kling_batch.state(bench.campaign()).jobs[kling_batch.Key(KEY)].sha256 or ""
    assert answer.json() == {"picks": {KEY: {"verdict": "pick", "note": "", "video": made[:12]}}}


@pytest.mark.parametrize("video", ["zz", "0123", 7, "\ud800"])
def test_a_video_that_is_no_checksum_is_left_out(client: httpx.Client, video: object) -> None:
    answer = client.put("picks", content=json.dumps({**FINE, "video": video}), headers=token(client))

    assert answer.json()["picks"][KEY]["video"] == ""


def test_an_edit_that_would_damage_what_a_person_wrote_is_refused(client: httpx.Client, bench: Bench) -> None:
    path = bench.folder / "m.picks.yaml"
    path.write_text("picks:\n  &later\n")

    answer = client.put("picks", json=FINE, headers=token(client))

    assert answer.status_code == 409
    assert answer.json() == {"error": "`m.picks.yaml` cannot be edited line by line; nothing was written"}
    assert path.read_text() == "picks:\n  &later\n"


def test_a_picks_file_that_is_a_link_is_not_replaced(client: httpx.Client, bench: Bench) -> None:
    elsewhere = bench.folder / "shared.yaml"
    elsewhere.write_text("picks:\n")
    (bench.folder / "m.picks.yaml").symlink_to(elsewhere)

    answer = client.put("picks", json=FINE, headers=token(client))

    assert (answer.status_code, answer.json()) == (409, {"error": "`m.picks.yaml` is a symbolic link"})
    assert elsewhere.read_text() == "picks:\n"


def test_what_has_no_page_is_told_as_guardedly_as_the_rest(client: httpx.Client) -> None:
    answers = [client.post("picks"), client.get("nothing"), client.get("media/"), client.get("data.json/")]
    strange = [
        client.request(method, path, headers={"Host": "evil.example"})
        for method, path in (("POST", "picks"), ("GET", "x/"))
    ]

    assert [answer.status_code for answer in answers] == [405, 404, 404, 404]
    assert [answer.status_code for answer in strange] == [421, 421]
    assert all(answer.json()["error"] for answer in (*answers, *strange))
    assert {answer.headers["x-content-type-options"] for answer in (*answers, *strange)} == {"nosniff"}


def test_somebody_who_hangs_up_in_the_middle_of_a_pick_disturbs_nobody(client: httpx.Client, bench: Bench) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as hasty:
        hasty.sendall(b"PUT /picks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")

    assert client.get("data.json").status_code == 200
    assert not (bench.folder / "m.picks.yaml").exists()


def test_a_video_that_is_made_while_the_page_is_open_appears(client: httpx.Client, bench: Bench) -> None:
    before = client.get("data.json")
    bench.manifest.write_text(bench.manifest.read_text().replace("n1]", "n1, n2]"))
    bench.run()

    after = client.get("data.json", headers={"If-None-Match": before.headers["etag"]})
    same = client.get("data.json", headers={"If-None-Match": after.headers["etag"]})

    assert [card["key"] for card in after.json()["cards"]][-1] == "hero/n=n2#1"
    assert client.get(after.json()["cards"][-1]["draw"]["video"]).status_code == 200
    assert same.status_code == 304


def test_an_edit_of_a_file_that_the_manifest_names_is_seen(client: httpx.Client, bench: Bench) -> None:
    (bench.folder / "n.csv").write_text("name\nn0\n")
    (bench.folder / "a.j2").write_text("a cup\n")
    text = bench.manifest.read_text()
    bench.manifest.write_text(
        f"{text}  pour:\n    matrix: {{n: {{from: n.csv, key: name}}}}\n    request: {{prompt: {{from: a.j2}}}}\n"
    )
    before = client.get("data.json").json()["cards"]

    (bench.folder / "n.csv").write_text("name\nn0\nn1\n")
    (bench.folder / "a.j2").write_text("a mug\n")

    after = client.get("data.json").json()["cards"]
    assert [card["key"] for card in after[len(before) :]] == ["pour/n=n1#1"]
    assert after[-1]["asks"]["prompt"].strip() == "a mug"


def test_what_is_wrong_with_a_video_is_told_once(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    (bench.folder / "out/hero/n0-t1.mp4").write_bytes(b"no video at all")
    with answered(bench.folder) as client:
        client.get("data.json")
        client.put("picks", json=FINE, headers=token(client))

        client.get("data.json")

    assert capsys.readouterr().err.count("no picture can be had of `n0-t1.mp4`") == 1


def test_a_review_is_served_until_a_signal(bench: Bench) -> None:
    reading, writing = os.pipe()
    seen = []

    def look() -> None:
        with os.fdopen(reading) as out:
            url = out.readline().strip()
            seen.append(httpx.get(url, trust_env=False).status_code)
            os.kill(os.getpid(), signal.SIGTERM)

    looker = threading.Thread(target=look)
    looker.start()
    with os.fdopen(writing, "w") as out, redirect_stdout(out):
        code = main(["review", str(bench.manifest), "--serve"])
    looker.join()

    assert (seen, code) == ([200], 0)


@pytest.mark.usefixtures("bench")
def test_a_port_that_somebody_else_has_is_told(command: Command) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        said = command("review", "m.yaml", "--serve", "--port", str(port))

    assert said.code == 2
    assert f"port {port} cannot be had: Address already in use" in said.err


def test_serving_holds_up_no_run(client: httpx.Client, bench: Bench) -> None:
    client.get("data.json")

    assert kling_batch.plan(bench.campaign()).changes
    assert bench.run().exit_code == 0
