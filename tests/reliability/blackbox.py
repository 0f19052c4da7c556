"""The real command against the real sandbox process, a tap on the wire between them, and the ledger as the judge.

Nothing here looks into the product: a campaign is a folder with a manifest, a run is a process, and what was paid is
what the sandbox says it charged.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

KEY = "sk-canary-5d1f0c9e7b3a2468"  # no file, no line of output may hold it
SECRETS = (KEY.encode(), b"/files/videos/")  # the key, and every link with a signature
NOWHERE = "http://127.0.0.1:9/v1"  # nobody listens: a run that has nothing to do does not notice
PATIENCE = 60.0  # seconds for a run that nobody kills
COMMAND = (sys.executable, "-m", "kling_batch")
LAUNCHER = """\
import ctypes, sys
getattr(ctypes.CDLL(None), "prctl", lambda *_: 0)(1, 9)  # it dies with its parent: no killed campaign leaves it behind
from kling_batch.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
SANDBOX = (sys.executable, "-c", LAUNCHER, "sandbox")
MANIFEST = """\
version: 1
project: {name}
run: {{{run}}}
output: {{root: out}}
shots:
  hero:
    matrix: {{n: [{names}]}}
    request: {{prompt: "{name}: cup {{{{ n }}}}"}}
"""
RUN = "in_flight: 8, submit_per_second: 50, posts: 4, poll: {first: 0.1s, every: 0.3s}, settle: 1s"
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - kills need no disk, and no fsync is waited for
Rule = Mapping[str, object]


class Sandbox:
    """The pretended service as a process of its own, remembering its tasks in a file."""

    def __init__(self, folder: Path, *rules: Rule, speed: float = 300, seed: int = 0, **service: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._words = ["--port", "0", "--speed", str(speed), "--state", str(folder / "tasks.jsonl")]
        if rules or service:
            scenario = folder / "scenario.json"
            scenario.write_text(json.dumps({"seed": seed, "service": service, "rules": rules}))
            self._words += ["--scenario", str(scenario)]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self, port: int = 0) -> None:
        words = [*self._words, "--port", str(port)]
        self.process = subprocess.Popen(
            [*SANDBOX, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.removesuffix("/v1").rpartition(":")[2])

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()

    def charges(self, name: str = "") -> list[dict[str, Any]]:
        """Return what was charged for a campaign, or for all of them."""
        with urllib.request.urlopen(f"{self.url}/sandbox/ledger", timeout=10) as answer:  # noqa: S310 - our own address
            every: list[dict[str, Any]] = json.load(answer)["charges"]
        return [each for each in every if each["prompt"].startswith(f"{name}:" if name else "")]


@dataclass(frozen=True)
class Said:
    """How a run ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def count(self, event: str) -> int:
        return sum(each["event"] == event for each in self.events)


@dataclass
class Campaign:
    """A folder with one manifest; every run leaves what it printed in it as well."""

    folder: Path
    name: str = "c"
    jobs: int = 12
    run: str = RUN
    url: str = NOWHERE
    starts: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        names = ", ".join(f"n{number}" for number in range(self.jobs))
        (self.folder / "m.yaml").write_text(MANIFEST.format(name=self.name, names=names, run=self.run))

    @property
    def journal(self) -> Path:
        return self.folder / ".kling-batch" / "m.journal.jsonl"

    @property
    def lock(self) -> Path:
        return self.folder / "m.lock.json"

    def records(self) -> dict[str, dict[str, Any]]:
        return dict(json.loads(self.lock.read_text())["jobs"]) if self.lock.exists() else {}

    def facts(self) -> list[dict[str, Any]]:
        """Return the facts in the journal; a last line that is cut short is none."""
        lines = self.journal.read_bytes().split(b"\n")[:-1] if self.journal.exists() else []
        return [entry["fact"] for entry in map(json.loads, lines) if "fact" in entry]

    def open_intents(self) -> frozenset[tuple[str, int]]:
        """Return the intents whose outcome the journal does not know: the key of each, and its place."""
        last = {fact.get("key", ""): (place, fact["event"]) for place, fact in enumerate(self.facts())}
        return frozenset((key, place) for key, (place, event) in last.items() if event == "intended")

    def environment(self, url: str = "", **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS", "NO_COLOR")}
        return {**kept, "TOAPIS_BASE_URL": url or self.url, "TOAPIS_API_KEY": KEY, **more}

    @contextmanager
    def started(
        self, *words: str, url: str = "", env: Mapping[str, str] | None = None, **options: Any
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a run; it does not outlive the block. What it prints goes to files, unless told otherwise."""
        self.starts += 1
        with self._said("out").open("wb") as out, self._said("err").open("wb") as err:
            streams = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err, **options}
            command = [*COMMAND, "run", "m.yaml", "--yes", "--json", *words]
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment(url, **(env or {})), **streams)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    def said(self, code: int) -> Said:
        """Return what the last run printed."""
        out, err = (self._said(stream).read_text(errors="replace") for stream in ("out", "err"))
        return Said(code=code, out=out, err=err)

    def _said(self, stream: str) -> Path:
        return self.folder / f"said.{self.starts}.{stream}"

    def finish(self, *words: str, **options: Any) -> Said:
        """Run to the end, and return what was said."""
        with self.started(*words, **options) as process:
            code = process.wait(max(PATIENCE, 5.0 * self.jobs))  # where all goes wrong, one job goes at a time
        return self.said(code)


@dataclass
class Figures:
    """What campaigns came to; `faults` are sentences about what may never be.

    `open` are the submits whose outcome kills left unknown, `most_open` those that one kill did; `unsure` are the jobs
    that wait for a human at the end.
    """

    kills: int = 0
    campaigns: int = 0
    jobs: int = 0
    charges: int = 0
    extra: int = 0
    forgotten: int = 0
    wrong_files: int = 0
    leaks: int = 0
    open: int = 0
    most_open: int = 0
    unsure: int = 0
    faults: list[str] = field(default_factory=list)

    def __add__(self, other: "Figures") -> "Figures":
        both = {name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__}
        return Figures(**{**both, "most_open": max(self.most_open, other.most_open)})

    def __str__(self) -> str:
        figures = {name.replace("_", " "): each for name, each in vars(self).items() if name != "faults"}
        return "\n  ".join([", ".join(f"{name} {each}" for name, each in figures.items()), *self.faults])


def audit(campaign: Campaign, charges: list[dict[str, Any]], *, again: bool = False) -> Figures:
    """Hold the lock and the files against the ledger; with `again` a task that failed may be followed by another."""
    records, text = campaign.records(), campaign.lock.read_text() if campaign.lock.exists() else ""
    unsure = {each["business_id"] for each in records.values() if each["state"] == "unsure"}
    by = [Counter(each["business_id"] for each in charges)]
    by += [] if again else [Counter(each["prompt"] for each in charges)]
    figures = Figures(campaigns=1, jobs=campaign.jobs, charges=len(charges), unsure=len(unsure))
    figures.extra = max(sum(count - 1 for count in each.values()) for each in by)
    forgotten = [each for each in charges if each["task"] not in text and each["business_id"] not in unsure]
    figures.forgotten = len(forgotten)
    wrong = list(wrong_files(campaign, records))
    figures.wrong_files = len(wrong)
    leaks = list(leaked(campaign.folder))
    figures.leaks = len(leaks)
    for what, count in (("paid twice", figures.extra), ("forgotten", figures.forgotten)):
        figures.faults += [f"{campaign.folder}: {count} {what}"] if count else []
    figures.faults += [*wrong, *leaks]
    return figures


def wrong_files(campaign: Campaign, records: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Tell every final name that does not hold the whole video of its own job, and every file of nobody."""
    outputs, known = campaign.folder / "out", set()
    for key, record in records.items():
        if record["state"] != "done":
            continue
        path = outputs / record["output"]
        known.add(path)
        if not path.is_file() or sha256(path.read_bytes()).hexdigest() != record["sha256"]:
            yield f"{path} is not what the lock says of {key}"
        elif json.loads(path.with_name(f"{path.name}.json").read_text())["task"] != record["task"]:
            yield f"{path} lies beside the sidecar of another task"
    yield from (f"{path} belongs to nobody" for path in outputs.rglob("*.mp4") if path not in known)
    if len({record["sha256"] for record in records.values() if "sha256" in record}) < len(known):
        yield f"{outputs}: one video under two names"


def leaked(folder: Path) -> Iterator[str]:
    """Tell every file that holds the key or a link."""
    for path in folder.rglob("*"):
        if path.is_file() and any(secret in path.read_bytes() for secret in SECRETS):
            yield f"{path} holds a secret"


def wait_until(what: Callable[[], bool], process: subprocess.Popen[bytes], every: float = 0.002) -> bool:
    """Wait until something is true or the process has ended; say whether it came true."""
    while not what():
        try:
            process.wait(every)
        except subprocess.TimeoutExpired:
            continue
        return what()
    return True
