"""Random git merges of two branches that each ran part of a campaign (reliability P16); prints figures.

python tests/git/merges.py --merges 1000
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from kling_batch.events import Completed, Done, Fact, Failed, Failure, Intended, LookUpJudged, Moved, Opened, Submitted
from kling_batch.job import Key, SpecHash, TaskId, business_id
from kling_batch.plan.heal import first_mark, heal
from kling_batch.plan.join import tasks
from kling_batch.plan.lockfile import Lock, fold, parse
from kling_batch.plan.lockfile import format as format_lock
from kling_batch.text.source import Source

LOCK = "spring.lock.json"
WHO = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
STYLES = ("merge", "diff3", "zdiff3")


@dataclass(frozen=True)
class Case:
    """Three versions of one lock: `known` says that both branches had every job in their common ancestor."""

    known: bool
    style: str
    base: Lock
    ours: Lock
    theirs: Lock
    moved: frozenset[Key]
    """Keys that one branch gave another name."""


@dataclass
class Dice:
    """Draws what engines may have recorded on a branch."""

    rng: random.Random
    side: str = ""
    told: int = 0

    def keys(self, least: int, most: int, letter: str) -> list[Key]:
        langs, products = ("de", "en", "fr", "zh"), ("A-1", "A-2", "B-7")
        every = [
            Key(f"{letter}/lang={lang},product={product}#{take}")
            for lang in langs
            for product in products
            for take in (1, 2, 3)
        ]
        return self.rng.sample(every, self.rng.randint(least, most))

    def opened(self, key: Key, edition: str = "a") -> Opened:
        return Opened(key=key, spec=spec(key, edition), parts=("a1b2", "-", "77e0", "-"), output=f"{key[:-2]}.mp4")

    def life(self, key: Key, edition: str = "a") -> Iterator[Fact]:
        """Yield what becomes of a job: one or two attempts, ended in some way or not yet."""
        yield self.opened(key, edition)
        for attempt in range(1, self.rng.randint(1, 2) + 1):
            self.told += 1
            yield Intended(
                key=key,
                spec=spec(key, edition),
                parts=("a1b2", "-", "77e0", "-"),
                generation=1,
                attempt=attempt,
                business_id=business_id("spring", key, spec(key, edition), 1, attempt),
                output=f"{key[:-2]}.mp4",
                usd=Decimal("0.184"),
            )
            task = TaskId(f"tsk_{self.side}_{self.told}")
            end = self.rng.choice(["intended", "submitted", "completed", "done", "done", "done", "failed"])
            if end == "intended":
                return
            yield Submitted(key=key, task=task)
            if end in {"completed", "done"}:
                yield Completed(key=key, task=task, expires=1_790_000_000, usd=None)
            if end == "done":
                yield Done(key=key, output=f"{key[:-2]}.mp4", sha256=f"{self.told:064x}", bytes=1, seconds=5.0)
            if end != "failed":
                return
            yield Failed(key=key, failure=Failure(kind="transient", code="x", message="y"), usd=Decimal(0))


def spec(key: Key, edition: str) -> SpecHash:
    return SpecHash("v1:" + (key.encode().hex() + edition.encode().hex() * 64)[-64:])


def case(number: int, seed: int) -> Case:
    """Draw one merge; the same number and seed draw the same one."""
    rng = random.Random(f"{seed}-{number}")
    dice = Dice(rng)
    known = number % 2 == 0
    keys = dice.keys(6, 30, "hero")
    base = fold(Lock(project="spring", service="sandbox", jobs={}), [dice.opened(key) for key in keys])
    dice.side = "base"
    base = fold(base, [fact for key in keys if rng.random() < 0.3 for fact in dice.life(key)])
    free = [key for key in keys if base.jobs[key].is_blank]
    rng.shuffle(free)
    cut = rng.randint(0, len(free))
    shared = [] if known else rng.sample(free, min(len(free), rng.randint(0, 3)))
    added = [] if known else dice.keys(0, 4, "pour")
    moved = [] if known else [key for key in keys if base.jobs[key].sha256][: rng.randint(0, 2)]
    sides = []
    for side, own in (("ours", free[:cut]), ("theirs", free[cut:])):
        dice.side = side
        facts = [fact for key in {*own, *shared} if rng.random() < 0.8 for fact in dice.life(key)]
        if not known:
            facts += [fact for key in {*added, *dice.keys(0, 5, side[:2])} for fact in dice.life(key)]
            edited = rng.sample(keys, 2)
            facts += [fact for key in edited if not base.jobs[key].is_in_flight for fact in dice.life(key, side)]
        if side == "ours":
            facts += [Moved(origin=key, key=Key(f"pan{key[4:]}"), output=f"pan{key[4:-2]}.mp4") for key in moved]
        if rng.random() < 0.3:
            facts.append(LookUpJudged(model="kling-v2-6", proven=True))
        sides.append(fold(base, facts))
    return Case(known, rng.choice(STYLES), base, sides[0], sides[1], frozenset(moved))


def lost(case: Case, merged: Lock) -> int:
    """Count the tasks and the keys of either side that a merge does not know any more."""
    wanted = {task for side in (case.ours, case.theirs) for record in side.jobs.values() for task in tasks(record)}
    there = {task for record in merged.jobs.values() for task in tasks(record)}
    keys = (case.ours.jobs.keys() | case.theirs.jobs.keys()) - case.moved
    return len(wanted - there) + len(keys - merged.jobs.keys())


def git(folder: Path, *words: str, data: bytes | None = None) -> int:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", *WHO, *words],  # noqa: S607 - git is where the machine has it
        cwd=folder,
        env=environment,
        input=data,
        capture_output=True,
        check=False,
    ).returncode


def repository(folder: Path, cases: list[Case], *, driver: bool) -> None:
    """Make one repository that holds every case as three commits."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    stream: list[bytes] = []
    mark = 0
    for number, each in enumerate(cases):
        for name, lock in (("base", each.base), ("ours", each.ours), ("theirs", each.theirs)):
            mark += 1
            text = format_lock(lock).encode()
            stream.append(f"commit refs/heads/{name}-{number}\nmark :{mark}\ncommitter a <a@e> {mark} +0000\n".encode())
            stream.append(
                b"data 1\nx\n" + (f"from :{mark - 1 - (name == 'theirs')}\n".encode() if name != "base" else b"")
            )
            stream.append(f"M 644 inline {LOCK}\ndata {len(text)}\n".encode() + text + b"\n")
    assert git(folder, "fast-import", "--quiet", data=b"".join(stream)) == 0
    if driver:
        words = [sys.executable, "-m", "kling_batch", "lock", "install"]
        subprocess.run(words, cwd=folder, check=True, capture_output=True)


def merged(folder: Path, number: int, style: str) -> tuple[int, str]:
    """Merge one case's branches; return how git ended, and the lock that it left."""
    assert git(folder, "checkout", "-q", "-f", f"ours-{number}") == 0
    code = git(folder, "-c", f"merge.conflictStyle={style}", "merge", "-q", "--no-edit", f"theirs-{number}")
    return code, (folder / LOCK).read_text(encoding="utf-8")


@dataclass
class Figures:
    """What came of many merges."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def plain(self, number: int, case: Case, code: int, text: str) -> None:
        """Count a merge by git alone, healed where it is in conflict."""
        kind = "known" if case.known else "added"
        self.counts[f"{kind}: merges"] += 1
        self.counts[f"{kind}: conflicts of plain git"] += code != 0
        assert (code != 0) == (first_mark(text) is not None)
        lock, told = heal(Source(LOCK, text), case.ours.jobs.keys()) if code else parse(Source(LOCK, text))
        self._hold(f"{kind}: healed" if code else f"{kind}: merged by git", number, case, lock, told)

    def driven(self, number: int, case: Case, code: int, text: str) -> None:
        """Count a merge by the installed driver."""
        kind = "known" if case.known else "added"
        self.counts[f"{kind}: conflicts of the driver"] += code != 0
        lock, told = parse(Source(LOCK, text))
        self._hold(f"{kind}: merged by the driver", number, case, lock, told)
        self.counts[f"{kind}: not canonical"] += lock is None or format_lock(lock) != text

    def _hold(self, name: str, number: int, case: Case, lock: Lock | None, told: object) -> None:
        self.counts[name] += lock is not None
        self.counts["undecided or unreadable"] += lock is None
        self.counts["lost records or tasks"] += lost(case, lock) if lock else 1
        if lock is None or lost(case, lock):
            self.wrong.append(f"{name} {number}: {told}")


def run(folder: Path, merges: int, seed: int) -> Figures:
    """Merge so many random cases in both ways."""
    cases = [case(number, seed) for number in range(merges)]
    figures = Figures()
    repository(folder / "plain", cases, driver=False)
    repository(folder / "driven", cases, driver=True)
    for number, each in enumerate(cases):
        figures.plain(number, each, *merged(folder / "plain", number, each.style))
        figures.driven(number, each, *merged(folder / "driven", number, each.style))
    return figures


def main() -> None:
    """Print the figures of many merges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merges", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder), options.merges, options.seed)
    for name, count in sorted(figures.counts.items()):
        print(f"{name:32} {count:6}")
    print(*figures.wrong[:10], sep="\n")


if __name__ == "__main__":
    main()
