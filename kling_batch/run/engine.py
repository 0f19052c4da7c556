"""A plan becomes events: carries out what the lifecycle table commands, and decides nothing itself.

One loop serves the agenda; a task exists only while a request is in the air, so work is proportional to what happens
and not to what waits. Clock, dice, service and record are passed in, so all of it runs in virtual time. An answer's
fact is recorded before the job's next step begins.
"""

import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from kling_batch.api.answers import Absent, Accepted, Completed, Fault, FaultKind, Running, TaskFailed
from kling_batch.api.pace import Pacer
from kling_batch.errors import DiskError
from kling_batch.events import Cleared, Event, Fact, Held, Looked, LookUpJudged
from kling_batch.job import MODEL, BusinessId, Key, TaskId, business_id
from kling_batch.plan.diff import Plan
from kling_batch.run.agenda import Agenda, Line
from kling_batch.run.carrier import Carrier
from kling_batch.run.courses import Course, known_task, owners, set_out
from kling_batch.run.gate import Gate, Halt, Verdict
from kling_batch.run.lifecycle import step
from kling_batch.run.looks import Looks
from kling_batch.run.ports import Brought
from kling_batch.run.states import (
    Answer,
    Command,
    Contested,
    Doubtful,
    Fetching,
    Left,
    Look,
    LookUp,
    Policy,
    Ready,
    Rest,
    Stop,
    Submit,
    Unsettled,
    Waiting,
)

SLOWER = 1.0  # seconds without a request after "too fast" that names no wait


@dataclass(slots=True, kw_only=True)
class Engine:
    """One run of one plan.

    `record` makes facts durable and shows signs; `wall` are Unix seconds; `grace` is how long, in seconds, what is on
    the wire may take after `stop`. After `run`, `courses` hold each job's last state, `gate` why submitting stopped,
    and `disk` what went wrong with the record.
    """

    plan: Plan
    carrier: Carrier
    record: Callable[[Event], Awaitable[None]]
    wall: Callable[[], float]
    dice: random.Random
    submit_pace: Pacer
    look_pace: Pacer
    grace: float = 60.0
    gate: Gate = field(init=False)
    disk: DiskError | None = None
    courses: dict[Key, Course] = field(default_factory=dict)
    _looks: Looks = field(init=False)
    _agenda: Agenda = field(init=False)
    _tasks: TaskGroup = field(init=False)
    _owners: dict[TaskId, Key] = field(default_factory=dict)
    _crowd: int = 0
    _probes: int = 0
    _proven: bool = False
    _stopping: str = ""
    _wake: anyio.Event = field(default_factory=anyio.Event)
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    def __post_init__(self) -> None:
        plan, settings = self.plan, self.plan.settings
        self.gate = Gate(settings=settings, spent=plan.spent, budget=plan.budget, limit=plan.limit)
        if plan.reads_only:
            self.gate.limit = 0  # the last door, should a row of the table ever forget it
        self._looks = Looks(first=settings.poll_first, every=settings.poll_every, budget=settings.look_per_second)
        self._agenda = Agenda(settings.posts, self.submit_pace, self.look_pace)
        self._proven = plan.look_up
        self._owners = owners(plan)

    async def run(self) -> None:
        """Carry the plan out to the end, or until it is stopped."""
        with self._scope:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                if known := known_task(self.plan):
                    self._probe_soon(*known)
                for course in set_out(self.plan):
                    self.courses[course.key] = course
                    self._set_out(course)
                pause = self._dispatch()
                while self._probes or not self._agenda.is_empty():
                    with anyio.move_on_after(pause):
                        await self._wake.wait()
                    self._wake = anyio.Event()
                    pause = self._dispatch()
        await self._show_rest()

    def stop(self, why: str, reason: Halt = Halt.SIGNAL) -> None:
        """Send nothing new; let what is on the wire end within the grace time, and leave the rest as it stands."""
        self.gate.halt(reason, why)
        self._stopping = self._stopping or why
        self._scope.deadline = min(self._scope.deadline, anyio.current_time() + self.grace)
        self._wake.set()

    def abort(self) -> None:
        """Drop what is on the wire as well; its intents are recorded, so nothing is lost."""
        self._scope.cancel()

    def _set_out(self, course: Course) -> None:
        match course.state:
            case Ready():
                self._schedule(course, Submit())
            case Doubtful():
                course.since = anyio.current_time()
                self._schedule(course, LookUp(after=0.0))
            case _:
                course.since = anyio.current_time()
                self.gate.resumed(course.key)
                self._crowd += 1
                self._schedule(course, Look(after=0.0))

    def _schedule(self, course: Course, command: Command, since: float | None = None) -> None:
        """Enter a command; its wait counts from `since`, when the answer came, whatever recording it took."""
        now = anyio.current_time() if since is None else since
        if isinstance(command, Rest):
            return
        wait = command.after
        if wait is None:
            age = now - (course.since or now)
            wait = self._looks.after(course.kind, age, self._crowd, self.dice.random())
        self._agenda.put(course, command, now + wait)

    def _dispatch(self) -> float:
        """Start what is due and allowed; return the seconds until there may be more."""
        now = anyio.current_time()
        if self._stopping:
            for course in self._agenda.drop():
                course.state, _, _ = step(course.state, Stop(why=self._stopping), self._policy(course))
        pause = self._agenda.call_up(now)
        return min(pause, *(self._serve(line, now) for line in self._agenda.lines))

    def _serve(self, line: Line, now: float) -> float:
        while line.next is not None:
            course, command = line.next
            if isinstance(command, Submit):
                verdict, why = self.gate.judge(course.key, course.charge)
                if verdict is Verdict.WAIT:
                    break
                if verdict is Verdict.NEVER:
                    line.queue.popleft()
                    course.state, _, _ = step(course.state, Stop(why=why), self._policy(course))
                    continue
            if shut := line.shut_for(now):
                return shut
            self._start(line, now)
        return math.inf

    def _start(self, line: Line, now: float) -> None:
        course, command = line.take()
        if isinstance(command, Submit):
            self.gate.posting(course.key, course.charge)
            course.since = now if course.since is None else course.since
        self._tasks.start_soon(self._carry, line, course, command, name=f"{type(command).__name__} {course.key}")

    async def _carry(self, line: Line, course: Course, command: Command) -> None:
        try:
            answer = await self.carrier.carry_out(course, command)
            await self._answered(course, answer)
        except DiskError as error:
            course.state = Left(why=error.message)
            self._disk_failed(error)
        finally:
            line.air -= 1
            self._wake.set()

    async def _answered(self, course: Course, answer: Answer) -> None:
        now, before, canary = anyio.current_time(), course.state, self.gate.canary
        answer = self._checked(course, answer)
        after, fact, command = step(before, answer, self._policy(course))
        if fact is not None and (course.sent or not isinstance(fact, Cleared)):
            await self._record(fact)
        course.state = after
        self.gate.note(course.key, before, answer, after)
        self._take_in(course, before, answer, now)
        if canary and isinstance(answer, Accepted) and not self._proven:
            self._probe_soon(course.business_id, answer.task)
        if isinstance(answer, Running):
            await self.record(Looked(key=course.key, status=answer.status, progress=answer.progress))
        self._schedule(course, command, now)

    def _checked(self, course: Course, answer: Answer) -> Answer:
        """Return the answer, or a protest where it names the task of another job."""
        if isinstance(answer, Accepted) or (
            isinstance(course.state, Doubtful) and isinstance(answer, Running | Completed | TaskFailed)
        ):
            task = answer.task
            if task is not None and self._owners.setdefault(task, course.key) != course.key:
                return Contested(task=task)
        return answer

    def _policy(self, course: Course) -> Policy:
        settings, now = self.plan.settings, anyio.current_time()
        return Policy(
            key=course.key,
            age=now - (now if course.since is None else course.since),
            deadline=settings.deadline,
            settle=settings.settle,
            last_attempt=course.last_attempt,
            proven=self._proven,
            edited=course.edited,
            reads_only=self.plan.reads_only,
            expired=course.expires is not None and self.wall() > course.expires,
            dice=self.dice.random(),
        )

    def _take_in(self, course: Course, before: object, answer: Answer, now: float) -> None:
        """Learn from an answer: durations, the pace that the service bears, and how many tasks are being looked at."""
        after = course.state
        self._crowd += isinstance(after, Waiting) - isinstance(before, Waiting)
        if isinstance(after, Waiting) and not isinstance(before, Waiting | Fetching):
            course.since = course.seen = now
        if isinstance(answer, Running):
            course.seen = now
        if isinstance(after, Fetching) and isinstance(before, Waiting):
            course.expires = after.expires
            if not course.paid and course.since is not None and not before.refused:
                self._looks.learn(course.kind, course.seen - course.since, now - course.since)
        if isinstance(after, Ready) and isinstance(before, Waiting):
            self._try_again(course, after)
        if isinstance(answer, Brought):
            self._agenda.landed(now, answer.done.bytes)
        if isinstance(answer, Fault) and answer.kind is FaultKind.RATE:
            line = self._agenda.submits if isinstance(before, Ready) else self._agenda.looks
            line.slow(now, SLOWER if answer.wait is None else answer.wait)

    def _try_again(self, course: Course, ready: Ready) -> None:
        course.since, course.paid = None, False
        spec, attempt = course.job.spec.hash, ready.attempt
        course.business_id = business_id(self.plan.project, course.key, spec, course.generation, attempt)

    def _probe_soon(self, own: BusinessId, task: TaskId) -> None:
        async def probe() -> None:
            try:
                await self._probe(own, task)
            finally:
                self._probes -= 1
                self._wake.set()

        self._probes += 1
        self._tasks.start_soon(probe, name="probe")

    async def _probe(self, own: BusinessId, task: TaskId) -> None:
        """Find out whether look-up by business id works here: a task that is known has to be found by it."""
        match await self.carrier.service.look(own):
            case Running(task=found) | Completed(task=found) | TaskFailed(task=found) if found == task:
                await self._judge(proven=True)
            case Absent():
                await self._judge(proven=False)
            case _:
                pass

    async def _judge(self, *, proven: bool) -> None:
        if proven != self._proven:
            self._proven = proven
            await self._record(LookUpJudged(model=MODEL, proven=proven))
        for course in self.courses.values():
            if proven and isinstance(course.state, Unsettled) and course.state.revivable:
                course.state = Doubtful(attempt=course.state.attempt)
                self._schedule(course, LookUp(after=0.0))

    async def _record(self, fact: Fact) -> None:
        try:
            await self.record(fact)
        except DiskError as error:
            self._disk_failed(error)

    def _disk_failed(self, error: DiskError) -> None:
        known = self.disk.recovery if self.disk else ()
        self.disk = DiskError(error.message, help=error.help, recovery=(*known, *error.recovery))
        self.stop(error.message, Halt.HUMAN)

    async def _show_rest(self) -> None:
        for course in self.courses.values():
            if isinstance(course.state, Left | Unsettled):
                await self.record(Held(key=course.key, why=course.state.why))
