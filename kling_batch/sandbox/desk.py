"""What stands between the socket and the world: each request goes over the desk once, with the faults it is due."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from kling_batch.sandbox import catalogue
from kling_batch.sandbox.answer import Answer, refused
from kling_batch.sandbox.check import peek
from kling_batch.sandbox.facts import Fact
from kling_batch.sandbox.films import sent
from kling_batch.sandbox.outgoing import Broken, Mangled, Outgoing, Sleep, Whole, changed
from kling_batch.sandbox.scenario import Effects, Exchange, Moment, Operation, Scenario, Transfer
from kling_batch.sandbox.task import Task
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import Caller, World

ROUTES: tuple[tuple[str, str, Operation], ...] = (
    ("POST", "/v1/videos/generations", "submit"),
    ("GET", "/v1/videos/generations/{identifier:rest}", "look"),
    ("POST", "/v1/uploads/images", "upload"),
    ("GET", "/v1/balance", "balance"),
    ("GET", "/v1/user/balance", "balance"),
    ("GET", "/v1/models", "models"),
    ("GET", "/v1/pricing", "pricing"),
    ("GET", "/files/videos/{identifier}/{name}", "download"),
)

Content: TypeAlias = bytes | None
Painter: TypeAlias = Callable[[Task], Awaitable[bytes | None]]
_NOTHING = Effects()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: its operation, the names in its path, its query and headers, and a way to read what it carries.

    `read` gives the body, or for an upload the one file of the form, `None` if there is not exactly one; or the answer
    to a body that is too much to be read.
    """

    operation: Operation
    origin: str
    read: Callable[[], Awaitable[Content | Answer]]
    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str | None:
        """The key of its `Authorization: Bearer` header."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else None


async def shipped(_: Task) -> None:
    """Paint nothing, so that every task gets the shipped clip of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A world, its terms and its scenario, with the clock, the sleep and the memory that they are run with.

    `keep` makes facts durable; it is called before the answer that tells them leaves. `paint` gives the video of a
    task that is to be painted, `None` where it cannot.
    """

    world: World
    terms: Terms
    clock: Callable[[], float]
    sleep: Sleep
    scenario: Scenario = field(default_factory=Scenario)
    keep: Callable[[list[Fact]], None] = lambda _: None
    paint: Painter = shipped

    async def answer(self, asked: Asked) -> Outgoing:
        """Return what goes back for a request."""
        if not self.scenario.is_empty:
            early = self.scenario.on_arrival(asked.operation)
            await self._pause(early)
            if (broken := _broken(early, "arrival")) is not None:
                return broken
        content = await asked.read()
        if isinstance(content, Answer):
            return Whole(content)
        effects = self._effects(asked, content)
        await self._pause(effects)
        painted = await self._painted(asked) if asked.operation == "download" else None
        return _broken(effects, "read") or self._handled(asked, content, effects, painted)

    async def _painted(self, asked: Asked) -> Content:
        task = self._task_of_file(asked)
        return await self.paint(task) if task is not None and task.is_painted else None

    def _task_of_file(self, asked: Asked) -> Task | None:
        return self.world.file_of(asked.names["identifier"], asked.names["name"], self.clock())

    def _handled(self, asked: Asked, content: Content, effects: Effects, painted: Content) -> Outgoing:
        answer = Answer(status=200)
        if effects.reply is None or effects.reply.handled:
            answer = self._carried_out(asked, content, effects, painted)
            self.keep(self.world.drain())
        if (broken := _broken(effects, "handled")) is not None:
            return broken
        if effects.raw is not None:
            return Mangled(effects.raw.encode("latin-1", "replace"), Transfer(), self.sleep)
        answer = changed(answer, effects)
        return Whole(answer) if effects.transfer is None else Mangled(answer, effects.transfer, self.sleep)

    def _carried_out(self, asked: Asked, content: Content, effects: Effects, painted: Content) -> Answer:  # noqa: PLR0911 - one an operation
        caller = Caller(key=asked.key, origin=asked.origin, now=self.clock())
        match asked.operation:
            case "submit":
                return self.world.submit(caller, content or b"", effects.task)
            case "look":
                return self.world.look(caller, asked.names["identifier"])
            case "upload":
                return self.world.upload(caller, content)
            case "balance":
                return self.world.balance(caller)
            case "models":
                return self.world.tell(caller, catalogue.models(asked.query))
            case "pricing":
                return self.world.tell(caller, catalogue.pricing(asked.query))
            case "download":
                return self._download(asked, effects, painted)
            case _:
                assert_never(asked.operation)

    def _download(self, asked: Asked, effects: Effects, painted: Content) -> Answer:
        task = self._task_of_file(asked)
        if task is None:
            return refused(403, "AccessDenied", "Request has expired")
        wanted = None if effects.whole else asked.headers.get("range")
        return sent(task, self.terms.clip_bytes, wanted, asked.headers.get("if-range"), painted)

    def _effects(self, asked: Asked, content: Content) -> Effects:
        if self.scenario.is_empty:
            return _NOTHING
        own, prompt = peek(content or b"") if asked.operation == "submit" else ("", "")
        named = own or asked.names.get("identifier", "")
        ids: tuple[str, ...] = (named,) if named else ()
        task = self.world.find(named)
        if task is not None:
            ids, prompt = (task.id, task.business_id or "", *ids), prompt or task.prompt
        return self.scenario.decide(Exchange(operation=asked.operation, ids=ids, prompt=prompt))

    async def _pause(self, effects: Effects) -> None:
        if effects.delay > 0:
            await self.sleep(effects.delay)


def _broken(effects: Effects, at: Moment) -> Broken | None:
    if effects.drop == at:
        return Broken("drop")
    return Broken("hang") if effects.hang == at else None
