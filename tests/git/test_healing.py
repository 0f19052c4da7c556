"""Two clones that each ran a part, and a run over the conflict that git left between them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from campaigns import Bench

from kling_batch.plan.lockfile import format, parse  # noqa: A004 - ours
from kling_batch.run import holding
from kling_batch.run.healing import healings
from kling_batch.text.source import Source


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Three jobs of which one clone made the first and another the second, as plain git leaves the lock in conflict."""
    bench = Bench(tmp_path)
    bench.write()
    lock, sides = tmp_path / "m.lock.json", []
    for name in ("n0", "n1"):
        bench.run(only=[f"hero/n={name}"])
        sides.append(tmp_path / f"{name}.lock.json")
        text = lock.read_text()
        first, last = text.find('"hero/n=n2#1"'), text.rfind("}}")
        sides[-1].write_text(text[:first].rstrip(",\n") + "\n" + text[last:])  # neither clone knew the third job
        lock.unlink()
        shutil.rmtree(tmp_path / ".kling-batch")
        shutil.rmtree(tmp_path / "out")
    base = tmp_path / "base"
    base.write_text("")
    command = ["git", "merge-file", "-p", str(sides[0]), str(base), str(sides[1])]
    lock.write_bytes(subprocess.run(command, capture_output=True, check=False).stdout)
    return bench


def test_a_run_over_a_conflict_buys_only_what_neither_clone_has(bench: Bench) -> None:
    lock = bench.folder / "m.lock.json"
    assert "<<<<<<<" in lock.read_text()
    warned = healings(bench.campaign())

    outcome = bench.run()

    text = lock.read_text()
    read, _ = parse(Source("m.lock.json", text))
    assert [each.code for each in warned] == ["lock-healed"]
    assert outcome.submits == 1
    assert sum(bench.charges().values()) == 3
    assert read is not None
    assert format(read) == text
    assert [record["state"] for record in json.loads(text)["jobs"].values()] == ["done"] * 3


def test_catching_up_writes_what_was_healed(bench: Bench) -> None:
    campaign = bench.campaign()

    with holding.hold(campaign):
        holding.catch_up(campaign)

    assert "<<<<<<<" not in (bench.folder / "m.lock.json").read_text()
    assert healings(campaign) == ()
