"""The whole engine in virtual time under seeded faults and crashes: the share that every check runs.

Most seeds are told by `campaign.py`, the long command, without coverage; some are told here.
`SEEDS` and `FIRST_SEED` in the environment make it longer, or another one.
"""

import faulthandler
import gc
import os
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from endings import Ending
from simulation import Story
from storms import Script, Storm

from kling_batch.manifest.model import RunSettings
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import World

SEEDS = int(os.environ.get("SEEDS", "5000"))
FIRST = int(os.environ.get("FIRST_SEED", "0"))
HERE = min(SEEDS, 40)  # seeds told in this process, where coverage sees them
SHARE = 20  # seeds to a test
CAMPAIGN = Path(__file__).with_name("campaign.py")
COMMAND = [sys.executable, str(CAMPAIGN), "--seeds", str(SEEDS), "--first-seed", str(FIRST)]
LONGEST = 300  # seconds of real time; a story that hangs would hang for ever
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in memory makes syncs free
RUN = RunSettings(poll_first=3.0, in_flight=4, posts=2, submit_per_second=50.0, settle=12.0)


pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
"""The dead close no files."""


@pytest.fixture(autouse=True)
def loud_hang() -> Iterator[None]:
    faulthandler.dump_traceback_later(LONGEST, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = MEMORY / f"kling-batch-test-{os.getpid()}" if MEMORY.is_dir() else tmp_path / "story"
    yield place
    Story.forget(place)


@pytest.mark.slow
def test_no_seed_breaks_a_promise_on_all_cores(record_property: Callable[[str, object], None]) -> None:
    faulthandler.cancel_dump_traceback_later()  # the command watches each seed itself
    told = subprocess.run(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    record_property("figures", told.stdout)
    assert told.returncode == 0, told.stdout
    assert f"\n{SEEDS} seeds in" in f"\n{told.stdout}", told.stdout


@pytest.mark.parametrize("first", range(FIRST, FIRST + HERE, SHARE))
def test_no_seed_breaks_a_promise_here(folder: Path, first: int) -> None:
    for seed in range(first, min(first + SHARE, FIRST + HERE)):
        try:
            Story(seed, folder, "trio" if seed % SHARE == 0 else "asyncio").tell()
        except BaseException as error:
            error.add_note(f"seed {seed}: python tests/reliability/campaign.py --seeds 1 --first-seed {seed} --trace")
            raise


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_one_seed_is_one_story(folder: Path, backend: str) -> None:
    told = []
    for _ in range(2):
        story = Story(7, folder, backend)
        story.tell()
        told.append(story.trace)

    assert told[0] == told[1]


def fixed(folder: Path, endings: tuple[Ending, ...], business_ids: str, edits: tuple[Script, ...] = ()) -> Story:
    """Return a story of two jobs without any trouble but its endings."""
    story = Story(1, folder, endings=endings, quiet_runs=1)
    story.script, story.edits = Script(run=RUN, count=2), edits
    story.service.world = World(Terms(business_ids=business_ids, median=5.0, group="svip"))  # type: ignore[arg-type]  # one of its words
    story.service.storm = story.storm = Storm()
    story.plants = False
    return story


@pytest.mark.parametrize(("business_ids", "stride"), [("ignored", 1), ("honoured", 3)])
def test_a_kill_at_every_single_step_pays_nothing_twice_and_forgets_nothing(
    folder: Path, business_ids: str, stride: int
) -> None:
    steps = 0
    for fatal in range(1, 10_000, stride):
        story = fixed(folder, (Ending(fatal=fatal),), business_ids)
        story.tell()
        if not story.counts["kills"]:
            steps = fatal - 1
            break

    assert steps > 80


@pytest.mark.parametrize("what", ["a redo", "a restore", "a move", "a new path"])
def test_a_kill_at_every_single_step_of_an_edited_campaign_loses_no_video(folder: Path, what: str) -> None:
    cup = Script(run=RUN, count=1)
    edits = {
        "a redo": (Script(run=RUN, count=1, word="bowl"),),
        "a restore": (Script(run=RUN, count=1, word="bowl"), cup),
        "a move": (Script(run=RUN, count=1, shot="star"),),
        "a new path": (Script(run=RUN, count=1, path="{{ slug }}.mp4"),),
    }[what]
    steps = 0
    for fatal in range(1, 10_000):
        story = fixed(folder, (*[Ending()] * len(edits), Ending(fatal=fatal)), "honoured", edits)
        story.script = cup
        story.tell()
        if not story.counts["kills"]:
            steps = fatal - 1
            break

    assert steps > 25


@pytest.mark.parametrize(("backend", "stops"), [("asyncio", 160), ("trio", 40)])
def test_of_200_graceful_stops_at_every_event_none_leaves_anything_unsure(
    folder: Path, backend: str, stops: int
) -> None:
    counts: Counter[str] = Counter()
    for seed, event in product(range(stops // 10), range(1, 13)):
        story = fixed(folder, (Ending(stop=event),), "ignored")
        story.backend = backend
        story.dice.seed(seed)
        counts.update(story.tell())

    assert counts["graceful stops"] >= stops
    assert counts["unsure after a graceful stop"] == 0


def test_a_kill_at_every_single_step_loses_no_video_to_the_one_that_is_made_next(folder: Path) -> None:
    steps = 0
    for fatal in range(1, 10_000):
        bowl = Script(run=RUN, count=1, word="bowl")
        story = fixed(folder, (Ending(fatal=fatal), Ending()), "honoured", (Script(run=RUN, count=1), bowl))
        story.script = Script(run=RUN, count=1)
        story.tell()
        if not story.counts["kills"]:
            steps = fatal - 1
            break

    assert steps > 60
