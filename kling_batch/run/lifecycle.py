"""What one job does next: every state and every answer, as one pure table.

`step(state, answer, policy)` returns the next state, the fact that has to be durable before anything else happens, and
the command to carry out. The engine carries commands out and decides nothing. Three rules hold everywhere (design 5):

- a POST whose outcome is not known is looked up, never repeated, but for one resend where absence is *proven*;
- a look or a download that goes wrong never fails a job: what is paid for stays `submitted` for a later run;
- a final state stays as it is, whatever comes.
"""

from dataclasses import replace
from decimal import Decimal

from kling_batch.api.answers import Absent, Accepted, Billing, Completed, Fault, FaultKind, Running, TaskFailed
from kling_batch.events import Cleared as ClearedFact
from kling_batch.events import Completed as CompletedFact
from kling_batch.events import Doubted, Fact, Failed, Failure, Lost, Submitted
from kling_batch.job import Key
from kling_batch.run.ports import Broken, Brought, Damaged, InTheWay, LinkDead, NoVideo
from kling_batch.run.states import (
    Answer,
    Contested,
    Dead,
    Doubtful,
    Fetch,
    Fetching,
    Finished,
    Gone,
    Left,
    Look,
    LookUp,
    Policy,
    Ready,
    Rest,
    State,
    Step,
    Stop,
    Submit,
    Unsettled,
    Waiting,
)

SETTLING = (1 / 12, 1 / 6, 1 / 4, 1 / 2)  # the gaps between look-ups, as shares of `run.settle`: at 1/12, 1/4, 1/2, all
UNSENT_TRIES = 6
EMPTY_LOOKS = 6
LINK_TRIES = 3
BODY_TRIES = 3
FETCH_TRIES = 8
AUTH_LOOKS = 3
DOUBTS = 10  # look-ups that go wrong before a job is left unsure
YOUNG = 120.0  # seconds in which a task may not show yet (reliability b4)


def step(state: State, answer: Answer, policy: Policy) -> Step:
    """Say what one job does next, now that it has been answered."""
    match state:
        case Ready(resent=True):
            return _submitted_again(state, answer, policy)
        case Ready():
            return _submitted(state, answer, policy)
        case Doubtful():
            return _looked_up(state, answer, policy)
        case Waiting():
            return _looked_at(state, answer, policy)
        case Fetching():
            return _fetched(state, answer, policy)
        case Finished() | Dead() | Unsettled() | Gone() | Left():
            return state, None, Rest()


def _submitted(state: Ready, answer: Answer, policy: Policy) -> Step:
    key = policy.key
    match answer:
        case Accepted(task=task):
            return Waiting(attempt=state.attempt, task=task), Submitted(key=key, task=task), Look()
        case Contested(task=task):
            why = f"the service answered with task {task} of another job"
            return Unsettled(attempt=state.attempt, why=why), Doubted(key=key, why=why), Rest()
        case Fault(kind=FaultKind.UNSENT | FaultKind.RATE | FaultKind.BUSY) if policy.late:
            return Left(why=told(answer)), _cleared(key, answer), Rest()
        case Fault(kind=FaultKind.UNSENT) if state.tries + 1 >= UNSENT_TRIES:
            return Left(why=told(answer)), _cleared(key, answer), Rest()
        case Fault(kind=FaultKind.UNSENT):
            return (
                replace(state, tries=state.tries + 1),
                _cleared(key, answer),
                Submit(after=policy.backoff(state.tries)),
            )
        case Fault(kind=FaultKind.RATE | FaultKind.BUSY, wait=wait):
            pause = policy.backoff(state.tries, floor=1.0) if wait is None else wait
            return replace(state, tries=state.tries + 1), _cleared(key, answer), Submit(after=pause)
        case Fault(kind=FaultKind.AUTH | FaultKind.BALANCE | FaultKind.CONFIGURATION):
            return Left(why=told(answer)), _cleared(key, answer), Rest()
        case Fault(kind=FaultKind.REFUSED):
            failure = answer.failure or Failure(kind="invalid", code=answer.code, message=answer.message)
            return Dead(failure=failure), Failed(key=key, failure=failure, usd=Decimal(0)), Rest()
        case Fault(kind=FaultKind.UNCLEAR):
            doubt = Doubtful(attempt=state.attempt, resent=state.resent)
            return doubt, _doubted(key, answer), LookUp(after=SETTLING[0] * policy.settle)
        case Stop(why=why, blocked=blocked):
            return Left(why=why, blocked=blocked), None, Rest()
        case _:
            return state, None, Rest()


def _submitted_again(state: Ready, answer: Answer, policy: Policy) -> Step:
    """Say the same of a second submit under one id; whatever refuses it says nothing of the first: the doubt stays."""
    after, fact, command = _submitted(state, answer, policy)
    match after:
        case Left(why=why):
            after = Unsettled(attempt=state.attempt, why=why)
        case Dead(failure=failure):
            after = Unsettled(attempt=state.attempt, why=f"sent again, and refused: {failure.message}")
        case _:
            pass
    return after, _doubted(policy.key, answer) if isinstance(answer, Fault) else fact, command


def _looked_up(state: Doubtful, answer: Answer, policy: Policy) -> Step:
    key, looked = policy.key, state.looked + 1
    match answer:
        case Running(task=task) | Completed(task=task) | TaskFailed(task=task) if task:
            return Waiting(attempt=state.attempt, task=task), Submitted(key=key, task=task), Look(after=0.0)
        case Absent() if not policy.proven:
            why = "look-up found nothing, and is not proven here"
            return Unsettled(attempt=state.attempt, why=why, revivable=True), None, Rest()
        case Absent() if looked < len(SETTLING):
            return replace(state, looked=looked), None, LookUp(after=SETTLING[looked] * policy.settle)
        case Absent() if state.resent:
            return Unsettled(attempt=state.attempt, why="sent twice under one id, and not to be found"), None, Rest()
        case Absent() if policy.reads_only:
            return Unsettled(attempt=state.attempt, why="not to be found, and nothing is sent here"), None, Rest()
        case Absent() if policy.edited:
            return Unsettled(attempt=state.attempt, why="not to be found, and edited since it was sent"), None, Rest()
        case Absent():
            return Ready(attempt=state.attempt, resent=True), None, Submit()
        case Contested(task=task):
            return Unsettled(attempt=state.attempt, why=f"look-up found task {task} of another job"), None, Rest()
        case Stop(why=why):
            return Unsettled(attempt=state.attempt, why=why), None, Rest()
        case Fault(kind=kind) if policy.late or state.faults + 1 >= (AUTH_LOOKS if kind is FaultKind.AUTH else DOUBTS):
            return Unsettled(attempt=state.attempt, why=told(answer)), None, Rest()
        case Fault(wait=wait):
            pause = policy.backoff(state.faults, floor=1.0) if wait is None else wait
            return replace(state, faults=state.faults + 1), None, LookUp(after=pause)
        case _:
            return Unsettled(attempt=state.attempt, why="the answer names no task"), None, Rest()


def _looked_at(state: Waiting, answer: Answer, policy: Policy) -> Step:
    key, task = policy.key, state.task
    match answer:
        case Completed(urls=urls, expires=expires, billing=billing) if urls:
            fetching = Fetching(attempt=state.attempt, task=task, urls=urls, expires=expires, refused=state.refused)
            usd = billing.usd if billing else None
            return fetching, CompletedFact(key=key, task=task, expires=expires, usd=usd), Fetch()
        case Completed() if policy.late or state.empty + 1 >= EMPTY_LOOKS:
            return Left(why="completed, but the service names no file"), None, Rest()
        case Completed():
            return replace(state, empty=state.empty + 1), None, Look(after=policy.pause(state.empty, floor=5.0))
        case TaskFailed():
            return _failed(state, answer, policy)
        case Stop(why=why):
            return Left(why=why), None, Rest()
        case Running() if policy.late:
            return Left(why="still running at the deadline"), None, Rest()
        case Running():
            return replace(state, faults=0, empty=0), None, Look()
        case Absent() if policy.age < min(YOUNG, policy.deadline):
            return state, None, Look(after=policy.pause(3, floor=1.0))
        case Absent():
            return Left(why=f"the service does not know task {task}", blocked=True), None, Rest()
        case Fault() if policy.late or (answer.kind is FaultKind.AUTH and state.faults + 1 >= AUTH_LOOKS):
            return Left(why=told(answer)), None, Rest()
        case Fault(wait=wait):
            pause = policy.pause(state.faults, floor=1.0, cap=120.0) if wait is None else wait
            return replace(state, faults=state.faults + 1), None, Look(after=pause)
        case _:
            return state, None, Look()


def _failed(state: Waiting, answer: TaskFailed, policy: Policy) -> Step:
    billing = answer.billing or Billing()
    usd = Decimal(0) if billing.refunded else billing.usd
    fact = Failed(key=policy.key, failure=answer.failure, usd=usd)
    may_again = not (usd or policy.edited or policy.reads_only) and state.attempt < policy.last_attempt
    if answer.failure.kind == "transient" and may_again:
        return Ready(attempt=state.attempt + 1), fact, Submit(after=policy.backoff(0, floor=1.0))
    return Dead(failure=answer.failure), fact, Rest()


def _fetched(state: Fetching, answer: Answer, policy: Policy) -> Step:
    key = policy.key
    match answer:
        case Brought(done=done):
            return Finished(), done, Rest()
        case LinkDead() if state.refused + 1 >= LINK_TRIES and policy.expired:
            why = "the link is dead and the service gives no fresh one"
            return Gone(why=why), Lost(key=key, why=why), Rest()
        case LinkDead(status=status) if state.refused + 1 >= LINK_TRIES:
            return Left(why=f"the file host refuses the link ({status})"), None, Rest()
        case LinkDead():
            waiting = Waiting(attempt=state.attempt, task=state.task, refused=state.refused + 1)
            return waiting, None, Look(after=policy.backoff(state.refused, floor=1.0))
        case Broken(why=why) if state.broken + 1 >= FETCH_TRIES:
            return Left(why=why), None, Rest()
        case Broken():
            return replace(state, broken=state.broken + 1), None, Fetch(after=policy.backoff(state.broken))
        case NoVideo(why=why) if state.bodies + 1 >= BODY_TRIES:
            return Left(why=why), None, Rest()
        case Damaged(failure=failure) if state.bodies + 1 >= BODY_TRIES:
            return Dead(failure=failure), Failed(key=key, failure=failure, usd=None), Rest()
        case NoVideo() | Damaged():
            return replace(state, bodies=state.bodies + 1), None, Fetch(after=policy.backoff(state.bodies, floor=1.0))
        case InTheWay(why=why):
            return Left(why=why, blocked=True), None, Rest()
        case Stop(why=why):
            return Left(why=why), None, Rest()
        case _:
            return state, None, Fetch(after=policy.backoff(state.broken))


def told(fault: Fault) -> str:
    """Return a fault in words, for people."""
    status = f"HTTP {fault.status}" if fault.status else "no answer"
    return fault.message if fault.message.startswith(status) else f"{status}: {fault.message}".removesuffix(": ")


def _cleared(key: Key, fault: Fault) -> Fact:
    """Return that nothing was made; it takes back an intent, and counts only where one was recorded."""
    return ClearedFact(key=key, why=told(fault))


def _doubted(key: Key, fault: Fault) -> Fact:
    return Doubted(key=key, why=told(fault), evidence=fault.evidence or fault.code)
