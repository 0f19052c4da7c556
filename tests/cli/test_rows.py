"""What a plan does with a job, row by row of the design's table (section 4), as the command tells it to programs."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from campaigns import Bench

from kling_batch.sandbox.task import Fate

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import

TOLD: dict[str, tuple[str, str, bool]] = {
    "not in the lock": ("create", "not in the lock yet", True),
    "pending in the lock": ("create", "not sent yet", True),
    "spec differs": ("redo", "prompt changed", True),
    "two parts differ": ("redo", "prompt and parameters changed", True),
    "edit taken back": ("restore", "prompt changed back to what made `hero/n0-t1~", False),
    "renamed": ("move", "renamed from `hero/n=n0#1`", False),
    "only the path differs": ("move", "its path changes from `hero/n0-t1.mp4` to `all/n0-t1.mp4`", False),
    "past the deadline": ("resume", "is not final yet", False),
    "completed, link alive": ("fetch", "is completed, its video not here", False),
    "completed, link dead": ("lost", "its link is dead; `redo` buys it again", False),
    "file in another clone": ("keep", "done, its file not here; `verify --fetch` asks the service for it", False),
    "file changed": ("keep", "it is left alone", False),
    "failed for a while": ("retry", "failed: upstream overload", True),
    "rejected": ("blocked", "the same request would fail again", False),
    "nobody knows": ("unsure", "it is looked up, never sent first", False),
    "gone from the manifest": ("orphan", "gone from the manifest; it cost $0.184", False),
    "nothing of the above": ("keep", "done", False),
    "asked for anew": ("redo", "asked for anew: too dark", True),
    "lost, asked for anew": ("redo", "asked for anew: too dark", True),
}


def edited(bench: Bench, before: str, after: str) -> None:
    text = bench.manifest.read_text()
    assert before in text
    bench.manifest.write_text(text.replace(before, after))


def done(bench: Bench) -> None:
    assert bench.run().exit_code == 0


def without_link(bench: Bench) -> None:
    bench.service.trouble = lambda operation, _: "403" if operation == "download" else ""
    bench.run()
    bench.service.trouble = lambda _operation, _name: ""


@pytest.fixture
def bench(folder: Path) -> Bench:
    made = Bench(folder=folder)
    made.service.epoch = time.time()
    made.write(1)
    return made


@pytest.fixture
def given(bench: Bench, command: Command) -> dict[str, Callable[[], object]]:
    """How each situation comes about."""
    video = bench.folder / "out/hero/n0-t1.mp4"

    def failed(fate: Fate) -> None:
        bench.service.fate = lambda _body: fate
        bench.run()
        bench.service.fate = lambda _body: None

    def edited_twice() -> None:
        done(bench)
        edited(bench, "a cup", "a mug")
        done(bench)
        edited(bench, "a mug", "a cup")

    def lost() -> None:
        bench.service.epoch -= 200_000
        without_link(bench)

    def unsure() -> None:
        bench.service.trouble = lambda operation, _: "lost" if operation in {"submit", "look"} else ""
        bench.run()
        bench.service.trouble = lambda _operation, _name: ""

    def anew() -> None:
        assert command("redo", "m.yaml", "hero", "--reason", "too dark").code == 0

    return {
        "not in the lock": lambda: None,
        "pending in the lock": lambda: bench.run(limit=0),
        "spec differs": lambda: (done(bench), edited(bench, "a cup", "a mug")),
        "two parts differ": lambda: (
            done(bench),
            edited(bench, 'prompt: "a cup', 'duration: 10, prompt: "a mug'),
        ),
        "edit taken back": edited_twice,
        "renamed": lambda: (done(bench), edited(bench, "hero:", "opener:")),
        "only the path differs": lambda: (
            done(bench),
            edited(bench, "root: out", 'root: out, path: "all/{{ slug }}.mp4"'),
        ),
        "past the deadline": lambda: (bench.write(1, run="deadline: 30s"), failed(Fate(seconds=300.0))),
        "completed, link alive": lambda: without_link(bench),
        "completed, link dead": lost,
        "file in another clone": lambda: (done(bench), video.unlink()),
        "file changed": lambda: (done(bench), video.write_bytes(b"graded")),
        "failed for a while": lambda: failed(Fate(code="generation_failed", message="upstream overload")),
        "rejected": lambda: failed(Fate(code="x", message="content policy")),
        "nobody knows": unsure,
        "gone from the manifest": lambda: (bench.write(2), done(bench), edited(bench, "n0, n1", "n1")),
        "nothing of the above": lambda: done(bench),
        "asked for anew": lambda: (done(bench), anew()),
        "lost, asked for anew": lambda: (lost(), anew()),
    }


@pytest.mark.parametrize("situation", TOLD)
def test_a_plan_tells_what_it_does_with_a_job_and_why(
    given: dict[str, Callable[[], object]], command: Command, situation: str
) -> None:
    given[situation]()

    said = command("plan", "m.yaml", "--json")

    change = json.loads(said.out)["changes"][-1]
    action, because, pays = TOLD[situation]
    assert (change["action"], change["pays"]) == (action, pays)
    assert because in change["because"]


@pytest.mark.parametrize("situation", TOLD)
def test_a_run_charges_once_for_what_pays_and_nothing_for_the_rest(
    given: dict[str, Callable[[], object]], bench: Bench, situation: str
) -> None:
    given[situation]()
    before = sum(bench.charges().values())

    bench.run()
    charged = sum(bench.charges().values()) - before
    bench.run()

    assert charged == TOLD[situation][2]
    assert sum(bench.charges().values()) == before + charged


def test_a_restored_video_is_the_very_one_and_its_successor_is_kept_beside_it(
    given: dict[str, Callable[[], object]], bench: Bench
) -> None:
    given["nothing of the above"]()
    first = (bench.folder / "out/hero/n0-t1.mp4").read_bytes()
    given["edit taken back"]()
    second = (bench.folder / "out/hero/n0-t1.mp4").read_bytes()

    bench.run()

    assert (bench.folder / "out/hero/n0-t1.mp4").read_bytes() == first
    [beside] = (bench.folder / "out/hero").glob("n0-t1~*.mp4")
    assert beside.read_bytes() == second
