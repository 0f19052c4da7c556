"""Kill -9 campaigns: runs are killed at random and at chosen moments and begun again until nothing is left to do.

    python tests/reliability/kills.py --kills 1000 [--seed 7] [--only lost]

prints the seed and one line of figures a kind of trouble; it ends with 1 if anything was paid twice or forgotten.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from blackbox import MEMORY, NOWHERE, PATIENCE, Campaign, Figures, Rule, Sandbox, audit, wait_until
from blackbox_tap import POINTS, Tap

MOST, JOBS = 20, 24  # kills and jobs in one long campaign
POSTS = 4  # on the wire at once, by `run.posts`: what one kill may leave open
AT_ONCE = 4  # troubles under way


@dataclass(frozen=True)
class Trouble:
    """What is wrong with the service while runs are killed; `unsure` if some jobs may be left for a human."""

    rules: tuple[Rule, ...] = ()
    service: Mapping[str, object] = field(default_factory=dict)
    unsure: bool = False
    again: bool = False


def _now_and_then(on: str, share: float, **do: object) -> Rule:
    return {"on": on, "when": {"probability": share}, "do": do}


HTML = "<html>502 Bad Gateway</html>"
LOST = _now_and_then("submit", 0.1, drop="handled")
LATE_500 = _now_and_then("submit", 0.1, reply={"status": 500, "body": HTML, "handled": True})
NEVER_500 = _now_and_then("submit", 0.05, reply={"status": 503, "body": HTML})
THROTTLED = _now_and_then("submit", 0.2, reply={"status": 429, "body": "{}", "headers": {"retry-after": "0.2"}})
CUT = _now_and_then("download", 0.3, transfer={"cut": 5000})
FAILED = _now_and_then("submit", 0.15, task={"code": "generation_failed", "message": "timeout"})
SICK = _now_and_then("look", 0.1, reply={"status": 502, "body": HTML})

TROUBLES: Mapping[str, Trouble] = {
    "healthy": Trouble(),
    "lost": Trouble(rules=(LOST,)),
    "500-after-charge": Trouble(rules=(LATE_500,)),
    "throttled": Trouble(rules=(THROTTLED,)),
    "no-look-up": Trouble(service={"business_ids": "ignored"}, unsure=True),
    "no-look-up-and-lost": Trouble(rules=(LOST, LATE_500), service={"business_ids": "ignored"}, unsure=True),
    "late-look-up": Trouble(rules=(LOST,), service={"visible_after": 0.4}),
    "transient": Trouble(rules=(FAILED,), again=True),
    "everything": Trouble(rules=(LOST, LATE_500, NEVER_500, THROTTLED, CUT, FAILED, SICK), again=True),
}


@dataclass
class Scene:
    """One campaign on its way: who runs, over which wire, with which dice."""

    campaign: Campaign
    tap: Tap
    dice: random.Random
    open: set[tuple[str, int]] = field(default_factory=set)  # intents of which a kill left nobody knowing the outcome


Killer = Callable[[Scene, "subprocess.Popen[bytes]"], bool]
"""Waits for its moment and kills; says whether the run was still alive then."""


def at_any_time(scene: Scene, process: "subprocess.Popen[bytes]") -> bool:
    """Kill when so much time has passed, mostly from its first word on."""
    said, starts_up = scene.campaign.folder / f"said.{scene.campaign.starts}.out", scene.dice.random() < 0.1
    if not starts_up and not wait_until(lambda: said.stat().st_size > 0, process):
        return False
    try:
        process.wait(scene.dice.uniform(0.0, 1.0))
    except subprocess.TimeoutExpired:
        process.kill()
        return True
    return False


def after_an_event(scene: Scene, process: "subprocess.Popen[bytes]") -> bool:
    """Kill when so many lines were printed."""
    said, lines = scene.campaign.folder / f"said.{scene.campaign.starts}.out", scene.dice.randint(1, 50)
    reached = wait_until(lambda: said.read_bytes().count(b"\n") >= lines, process)
    return reached and _killed(process)


def after_a_record(scene: Scene, process: "subprocess.Popen[bytes]") -> bool:
    """Kill when the journal has grown by so many lines."""
    journal, more = scene.campaign.journal, scene.dice.randint(1, 30)
    size = journal.stat().st_size if journal.exists() else 0

    def grown() -> bool:
        return journal.exists() and journal.read_bytes()[size:].count(b"\n") >= more

    return wait_until(grown, process) and _killed(process)


def on_the_wire(scene: Scene, process: "subprocess.Popen[bytes]") -> bool:
    """Kill at an exact point of a submit."""
    scene.tap.kill_at(scene.dice.choice(POINTS), scene.dice.randint(1, 4), process.pid)
    return process.wait(PATIENCE) == -9


def _killed(process: "subprocess.Popen[bytes]") -> bool:
    if process.poll() is not None:
        return False
    process.kill()
    return True


KILLERS: tuple[Killer, ...] = (at_any_time, after_an_event, after_a_record, on_the_wire, on_the_wire)


def one_campaign(scene: Scene, sandbox: Sandbox, trouble: Trouble, most: int) -> Figures:
    """Kill a campaign until it is done or has been killed so often, let it end, and audit it."""
    campaign, total, said = scene.campaign, Figures(), None
    while said is None and total.kills < most:
        before = campaign.open_intents()
        scene.tap.watch()
        with campaign.started() as process:
            killed = scene.dice.choice(KILLERS)(scene, process)
        if killed:
            total += _left_by_a_kill(scene, campaign.open_intents() - before)
        else:
            said = campaign.said(process.returncode)
    said, tries = said or campaign.finish(), 0
    while said.code not in ((0, 6) if trouble.unsure else (0,)) and tries < 5:  # what a sick service left for later
        said, tries = campaign.finish(), tries + 1
    total += audit(campaign, sandbox.charges(campaign.name), again=trouble.again)
    total.faults += _ending(scene, trouble, said.code)
    return total


def _left_by_a_kill(scene: Scene, fresh: frozenset[tuple[str, int]]) -> Figures:
    """Hold what one kill left behind: at most the submits in flight are open, and each has its intent on disk."""
    scene.open |= fresh
    figures = Figures(kills=1, open=len(fresh), most_open=len(fresh))
    at, written = scene.campaign.folder, {fact.get("business_id") for fact in scene.campaign.facts()}
    if len(fresh) > POSTS:
        figures.faults.append(f"{at}: one kill left {len(fresh)} submits open, and only {POSTS} may be on the wire")
    if scene.tap.at_once > POSTS:
        figures.faults.append(f"{at}: {scene.tap.at_once} submits were on the wire at once, not {POSTS}")
    if unwritten := scene.tap.own_ids - written:
        figures.faults.append(f"{at}: the service saw {unwritten}, and the disk knows nothing of it")
    return figures


def _ending(scene: Scene, trouble: Trouble, code: int) -> list[str]:
    """Say what is wrong with how a campaign ended."""
    campaign, at = scene.campaign, scene.campaign.folder
    told, records = [], campaign.records()
    if code not in ((0, 6) if trouble.unsure else (0,)):
        told.append(f"{at}: ended with {code}: {campaign.said(code).err}")
        return told
    unsure = {key for key, record in records.items() if record["state"] == "unsure"}
    answerless = {fact["key"] for fact in campaign.facts() if fact["event"] == "doubted" and trouble.rules}
    if unexplained := unsure - (answerless | {key for key, _ in scene.open} if trouble.unsure else set()):
        told.append(f"{at}: no kill and no lost answer made {unexplained} unsure")
    states = [record["state"] for key, record in records.items() if key not in unsure]
    if not trouble.again and states.count("done") < len(states):
        told.append(f"{at}: not all is done: {sorted(states)}")
    before = campaign.lock.read_bytes()
    if code == 0 and campaign.finish(url=NOWHERE).code != 0:
        told.append(f"{at}: a run with nothing to do asked somebody")
    if campaign.lock.read_bytes() != before:
        told.append(f"{at}: a run with nothing to do changed the lock")
    return told


def many(name: str, kills: int, seed: int, folder: Path, jobs: int = JOBS) -> Figures:
    """Run campaigns under one trouble until so many kills have come together."""
    trouble, dice, total = TROUBLES[name], random.Random(f"{seed}:{name}"), Figures()
    with Sandbox(folder / "service", *trouble.rules, seed=seed, **trouble.service) as sandbox, Tap(sandbox.port) as tap:
        while total.kills < kills:
            own = f"{name}-{total.campaigns}"
            campaign = Campaign(folder=folder / own, name=own, jobs=jobs, url=tap.url)
            scene = Scene(campaign=campaign, tap=tap, dice=dice)
            total += one_campaign(scene, sandbox, trouble, min(MOST, kills - total.kills))
        leak = [each for each in (folder / "service").iterdir() if b"sk-canary" in each.read_bytes()]
        total.faults += [f"{each} holds the key" for each in leak]
    return total


def each(kills: Mapping[str, int], seed: int, folder: Path, jobs: int = JOBS) -> Iterator[tuple[str, Figures]]:
    """Give the figures of each trouble as they come; a few are under way at once, since kills mostly wait."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = {pool.submit(many, name, most, seed, folder / name, jobs): name for name, most in kills.items()}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def main() -> int:
    """Run the long campaign."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    words.add_argument("--kills", type=int, default=1000)
    words.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    words.add_argument("--only", choices=list(TROUBLES))
    asked = words.parse_args()
    names = [asked.only] if asked.only else list(TROUBLES)
    print(f"seed {asked.seed}", flush=True)
    total, began = Figures(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills-", dir=MEMORY) as folder:
        for name, figures in each(dict.fromkeys(names, -(-asked.kills // len(names))), asked.seed, Path(folder)):
            print(f"{name} (after {time.monotonic() - began:.0f} s): {figures}", flush=True)
            total += figures
    print(f"all: {total}")
    return 1 if total.faults else 0


if __name__ == "__main__":
    sys.exit(main())
