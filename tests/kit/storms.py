"""What a seed draws: a campaign, the terms of a service, what goes wrong there and when, and how each run ends."""

import random
from dataclasses import dataclass, field, replace
from decimal import Decimal

from kling_batch.job import Json
from kling_batch.manifest.model import RunSettings
from kling_batch.sandbox.task import Fate
from kling_batch.sandbox.terms import Terms

SUBMIT = (
    *("unsent", "lost", "late", "paid-lost", "paid-500", "paid-html", "paid-408", "paid-409", "paid-302", "no-id"),
    *("409", "429", "425", "500", "503-limiter", "503-busy", "422", "slow", "beyond"),
)
ACCOUNT = ("401", "402", "403", "400-quota", "404-model")
LOOK = ("lost", "500", "429", "html", "401", "wrong-id", "no-url", "slow", "absent")
DOWNLOAD = ("lost", "cut", "html", "403", "damaged", "ignored-range", "changed", "slow")
OFTEN = (0.03, 0.1, 0.3)

MANIFEST = """\
version: 1
project: sim
output: {{root: out, path: "{path}"}}
shots:
  {shot}:
    matrix: {{n: [{names}]}}
    takes: {takes}
    request: {{prompt: "a {word} {{{{ n }}}}", mode: {mode}, duration: {duration}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A manifest as data, so that it can be edited between two runs."""

    count: int
    run: RunSettings = field(default_factory=RunSettings)
    takes: int = 1
    shot: str = "hero"
    word: str = "cup"
    path: str = "{{ shot }}/{{ slug }}.mp4"
    mode: str = "std"
    duration: int = 5

    @property
    def text(self) -> str:
        names = ", ".join(f"n{number}" for number in range(self.count))
        return MANIFEST.format(
            path=self.path,
            shot=self.shot,
            names=names,
            takes=self.takes,
            word=self.word,
            mode=self.mode,
            duration=self.duration,
        )

    def edited(self, dice: random.Random) -> "Script":
        """Return it after one edit: a prompt, a name, a path, a number; many take back an earlier one."""
        match dice.randrange(6):
            case 0 | 1:
                return replace(self, word="bowl" if self.word == "cup" else "cup")
            case 2:
                return replace(self, shot="star" if self.shot == "hero" else "hero")
            case 3:
                flat, deep = "{{ shot }}-{{ slug }}.mp4", "{{ shot }}/{{ slug }}.mp4"
                return replace(self, path=flat if self.path == deep else deep)
            case 4:
                return replace(self, count=max(1, self.count + dice.choice((-1, 1, 1))))
            case _:
                return replace(self, takes=self.takes % 2 + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """How often each trouble comes, which is stronger than all while the account is `shut`, and how tasks end."""

    often: dict[tuple[str, str], float] = field(default_factory=dict)
    shut: tuple[float, float, str] = (0.0, 0.0, "")
    failing: float = 0.0
    disk: float = 0.01

    def trouble(self, dice: random.Random, operation: str, passed: float) -> str:
        """Return what goes wrong with one request, so many seconds after the campaign began."""
        since, until, word = self.shut
        if operation == "submit" and since <= passed < until:
            return word
        for (of, name), chance in self.often.items():
            if of == operation and dice.random() < chance:
                return name
        return ""

    def fate(self, dice: random.Random, body: dict[str, Json]) -> Fate | None:
        """Return what becomes of a task."""
        del body
        if dice.random() >= self.failing:
            return None
        message = dice.choice(("upstream overload", "upstream overload", "content policy violation", ""))
        return Fate(
            code="generation_failed" if message else None,
            message=message,
            refunded=dice.random() < 0.6,
            billing=dice.random() < 0.7,
            seconds=dice.choice((None, None, 1.0, 900.0)),
            known_after=dice.choice((0.0, 0.0, 8.0)),
            urls_after=dice.choice((0.0, 0.0, 12.0)),
        )


def terms(dice: random.Random) -> Terms:
    """Draw a service; one of three is kind, and has to get every job done."""
    if dice.random() < 0.33:
        return Terms(seed=dice.randrange(1 << 30), group="svip", median=dice.choice((4.0, 15.0)))
    return Terms(
        seed=dice.randrange(1 << 30),
        group="svip",
        business_ids=dice.choice(("honoured", "honoured", "honoured", "echoed", "ignored")),
        visible_after=dice.choice((0.0, 0.0, 0.0, 3.0, 20.0, 90.0)),
        absent=dice.choice((404, 400)),
        in_flight=dice.choice((0, 0, 0, 1, 3)),
        median=dice.choice((4.0, 15.0, 40.0)),
        link_life=dice.choice((86400.0, 86400.0, 60.0)),
        file_life=dice.choice((86400.0, 86400.0, 3600.0)),
        balance_usd=dice.choice((1e6, 1e6, 1e6, 0.6)),
    )


def script(dice: random.Random) -> Script:
    """Draw a campaign."""
    run = RunSettings(
        poll_first=3.0,
        in_flight=dice.choice((1, 2, 4, 8)),
        posts=dice.randint(1, 4),
        submit_per_second=dice.choice((1.0, 5.0, 50.0)),
        retries=dice.randint(0, 2),
        settle=dice.choice((6.0, 24.0, 60.0)),
        deadline=dice.choice((45.0, 300.0, 1200.0)),
        max_failures=dice.choice((2, 10)),
        budget=dice.choice((None, None, None, Decimal("0.2"), Decimal("0.56"), Decimal("1.0"))),
    )
    return Script(
        run=run,
        count=dice.randint(2, 6),
        takes=dice.choice((1, 1, 1, 2)),
        mode=dice.choice(("std", "std", "pro")),
    )


def storm(dice: random.Random) -> Storm:
    """Draw what goes wrong: each trouble is there in a quarter of the seeds."""
    every = [*(("submit", each) for each in SUBMIT), *(("look", each) for each in LOOK)]
    every += [("download", each) for each in DOWNLOAD]
    often = {each: dice.choice(OFTEN) for each in every if dice.random() < 0.25}
    if ("download", "changed") in often:  # there is something to splice only where something was cut
        often |= {("download", "changed"): 0.3, ("download", "cut"): 0.3}
    since = dice.choice((0.0, 20.0, 100.0))
    shut = (since, since + dice.choice((10.0, 200.0)), dice.choice(ACCOUNT)) if dice.random() < 0.15 else (0.0, 0.0, "")
    return Storm(often=often, shut=shut, failing=dice.choice((0.0, 0.0, 0.3)), disk=dice.choice((0.0, 0.01, 0.3, 3.0)))
