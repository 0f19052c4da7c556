"""Faults on demand: which exchange with the service is to go wrong, and how.

A scenario file is JSON. `service` changes the terms (`terms.Terms`), `rules` is a list; every rule that fits an
exchange takes part in it, and where two want the same thing the later one has it:

    {"seed": 7,
     "service": {"balance_usd": 5, "business_ids": "ignored", "link_life": 3},
     "rules": [
       {"on": "submit", "when": {"nth": 3}, "do": {"drop": "handled"}},
       {"on": "submit", "when": {"prompt": "red", "times": 2}, "do": {"task": {"code": "generation_failed"}}},
       {"on": "look", "when": {"probability": 0.1}, "do": {"reply": {"status": 502, "body": "<html>"}}},
       {"on": "download", "when": {"every": 4}, "do": {"transfer": {"cut": 5000}}}]}

`on` is submit, look, upload, balance, models, pricing, download or any. `when` has `nth` and `every` (of the exchanges
that fit the rest), `probability`, `prompt` (a part of it), `id` (a pattern for the task's id or its own id) and `times`
(how often at most); its counts begin anew with each start. What `do` can do is listed in `Effects`, what `task` can do
in `task.Fate`.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Literal

from kling_batch.errors import UsageError
from kling_batch.job import Json
from kling_batch.sandbox.record import read
from kling_batch.sandbox.task import Fate
from kling_batch.sandbox.terms import Terms

Operation = Literal["submit", "look", "upload", "balance", "models", "pricing", "download"]
Moment = Literal["arrival", "read", "handled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Another answer than the real one: a text, or anything else as JSON; `bomb` zeros, gzipped, instead of a body.

    With `handled` the request is carried out first, and paid for; its own answer is lost.
    """

    status: int = 200
    body: Json = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    handled: bool = False
    bomb: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape:
    """The real answer in another dialect: fields set, removed or moved, and all of it wrapped `under` a name."""

    set: Mapping[str, Json] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    move: Mapping[str, str] = field(default_factory=dict)
    under: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """How the bytes of an answer go out: `cut` after so many of its body, so many a second, with another length told.

    `length` -1 tells none. `endless` sends the body again and again, `length` then meaning nothing.
    """

    cut: int | None = None
    bytes_per_second: int | None = None
    length: int | None = None
    endless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What goes wrong with one exchange; all of it can be combined.

    `delay` seconds pass before anything is done. The connection is reset (`drop`) or goes silent (`hang`) on arrival,
    once the request is read, or once it is handled and paid for. `reply` and `reshape` change the answer, `headers`
    sets some of its headers (null removes), `transfer` how it goes out, `raw` is sent instead of any answer, byte for
    byte. `whole` ignores the range that a download asks for. `task` is what becomes of the task that a submit makes.
    """

    delay: float = 0.0
    drop: Moment | None = None
    hang: Moment | None = None
    reply: Reply | None = None
    reshape: Reshape | None = None
    headers: Mapping[str, str | None] | None = None
    transfer: Transfer | None = None
    raw: str | None = None
    whole: bool = False
    task: Fate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which exchanges a rule is for; everything that is given has to fit."""

    nth: int | None = None
    every: int | None = None
    probability: float = 1.0
    prompt: str | None = None
    id: str | None = None
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that goes wrong, and when."""

    on: Operation | Literal["any"]
    do: Effects
    when: When = field(default_factory=When)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A scenario file as it was read."""

    seed: int | None = None
    service: Mapping[str, Json] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def terms(self) -> Terms:
        """Return the terms of the service under this script."""
        given = {} if self.seed is None else {"seed": self.seed}
        terms = read(Terms, {**given, **self.service}, "service")
        if min(terms.speed, terms.median) <= 0:
            raise UsageError("`service.speed` and `service.median` are above zero")
        return terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request, as far as rules care: which task it is about, by its ids and its prompt."""

    operation: Operation
    ids: tuple[str, ...] = ()
    prompt: str = ""


class Scenario:
    """The rules of a script with their counts: asked once for every exchange, on arrival and when it was read."""

    def __init__(self, rules: tuple[Rule, ...] = (), seed: int = 0) -> None:
        self._early = [_Running(rule) for rule in rules if _is_early(rule.do)]
        self._later = [_Running(rule) for rule in rules if not _is_early(rule.do)]
        self._dice = random.Random(seed)  # noqa: S311 - seeded dice are the point

    @property
    def is_empty(self) -> bool:
        """Whether nothing can go wrong, so that no exchange needs to be described."""
        return not self._early and not self._later

    def on_arrival(self, operation: Operation) -> Effects:
        """Return what goes wrong before the body of a request is read; rules about tasks cannot know them yet."""
        return self._decide(self._early, Exchange(operation=operation))

    def decide(self, exchange: Exchange) -> Effects:
        """Return what goes wrong with a request that was read."""
        return self._decide(self._later, exchange)

    def _decide(self, rules: list["_Running"], exchange: Exchange) -> Effects:
        effects = Effects()
        for rule in rules:
            if rule.fires(exchange, self._dice):
                effects = _merged(effects, rule.rule.do)
        return effects


class _Running:
    """A rule with its counts: how many exchanges fitted, and how often it fired."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._fitted = 0
        self._fired = 0

    def fires(self, exchange: Exchange, dice: random.Random) -> bool:
        when = self.rule.when
        if not self._fits(exchange) or (when.times is not None and self._fired >= when.times):
            return False
        self._fitted += 1
        fires = (
            (when.nth is None or self._fitted == when.nth)
            and (when.every is None or self._fitted % when.every == 0)
            and (when.probability >= 1 or dice.random() < when.probability)
        )
        self._fired += fires
        return fires

    def _fits(self, exchange: Exchange) -> bool:
        when = self.rule.when
        return (
            self.rule.on in ("any", exchange.operation)
            and (when.prompt is None or when.prompt in exchange.prompt)
            and (when.id is None or any(fnmatchcase(each, when.id) for each in exchange.ids))
        )


def _is_early(do: Effects) -> bool:
    return "arrival" in (do.drop, do.hang)


def _merged(first: Effects, second: Effects) -> Effects:
    own = {each.name: getattr(first, each.name) for each in fields(Effects)}
    said = {each.name: getattr(second, each.name) for each in fields(Effects) if getattr(second, each.name)}
    return Effects(**{**own, **said})


def parse(text: str) -> Script:
    """Return the script that a scenario file holds; raises `UsageError` that names what is wrong in it, and where."""
    try:
        value: Json = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"the scenario is not JSON: {error}") from error
    script = read(Script, value, "scenario")
    script.terms()  # what is wrong under `service` is told now, not at the first request
    return script
