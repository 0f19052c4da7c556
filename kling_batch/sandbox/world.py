"""The service, pretended: what it knows, and what it answers; no clock, no socket, no disk.

Time comes in with every call, as Unix seconds; dice are seeded. What cannot be worked out again, a task paid for or an
image taken in, leaves as a *fact* through `drain`; a world made from the same facts goes on where the first one stood.
"""

import hashlib
import heapq
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import inf, isfinite, log
from typing import NoReturn, cast

from kling_batch.job import Json
from kling_batch.sandbox import facts
from kling_batch.sandbox.answer import Answer, no_task, refused, told, unauthorized
from kling_batch.sandbox.check import complaint, own_id
from kling_batch.sandbox.pace import Bucket
from kling_batch.sandbox.task import Fate, Task, created, seen
from kling_batch.sandbox.terms import LARGEST_BODY, LARGEST_IMAGE, MOST_PAINTED, RATES, Terms, in_credits, plain, price

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"GIF8", "image/gif", "gif"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, when, and under which address (scheme, host and port) it reached us."""

    key: str | None
    origin: str
    now: float


class World:
    """All that the pretended service knows: its tasks, its uploads and its account."""

    def __init__(self, terms: Terms, known: Iterable[facts.Fact] = ()) -> None:
        self._terms = terms
        submit, query = RATES[terms.group]
        self._submits = Bucket(category="async_submit", rate=submit, speed=terms.speed)
        self._queries = Bucket(category="async_query", rate=query, speed=terms.speed)
        self._tasks: dict[str, Task] = {}
        self._by_business_id: dict[str, Task] = {}
        self._uploads: set[str] = set()
        self._running: list[float] = []
        self._charged = Decimal(0)
        self._refundable: list[Task] = []
        self._fresh: list[facts.Fact] = []
        for fact in known:
            self._learn(fact)

    # What a caller can ask for

    def submit(self, caller: Caller, content: bytes, fate: Fate | None = None) -> Answer:
        """Make a task of a request and charge for it, replay the one with its own id, or refuse (contract 1 and 3)."""
        if not self._admits(caller):
            return unauthorized()
        throttled = self._submits.take(caller.now)
        return throttled or self._submitted(caller, content, fate or Fate()).with_headers(
            dict(self._submits.headers(caller.now))
        )

    def look(self, caller: Caller, identifier: str) -> Answer:
        """Tell how far a task is, by its id or by the caller's own (contract 2)."""
        if not self._admits(caller):
            return unauthorized()
        throttled = self._queries.take(caller.now)
        return throttled or self._looked(caller, identifier).with_headers(dict(self._queries.headers(caller.now)))

    def upload(self, caller: Caller, content: bytes | None) -> Answer:
        """Take an image in, or say why not (contract 4); `None` stands for a form without exactly one file."""
        if not self._admits(caller):
            return unauthorized()
        if content is None:
            return _failure("Exactly one file is required in the field 'file'")
        if len(content) > LARGEST_IMAGE:
            return _failure("Image too large. Maximum size is 10MB")
        found = _image_type(content)
        if found is None:
            return _failure("Unsupported image type. Only JPEG, PNG, WebP and GIF are allowed")
        kind, suffix = found
        number = len(self._uploads) + 1
        name = f"uploads/{number}/{int(caller.now)}_{hashlib.sha256(content).hexdigest()[:8]}.{suffix}"
        self._record(facts.Upload(name=name))
        data: dict[str, Json] = {"id": f"upload_{_ulid(caller.now, name)}", "url": f"{caller.origin}/files/{name}"}
        return told({"success": True, "message": "", "data": {**data, "mime_type": kind, "size": len(content)}})

    def balance(self, caller: Caller) -> Answer:
        """Tell what is left on the account (contract 5.3); a wrong key is 401."""
        if not self._admits(caller):
            return unauthorized()
        used = self._used(caller.now)
        left = Decimal(-1) if self._terms.unlimited else self._left(caller.now)
        amounts: dict[str, Json] = {
            "remain_balance": float(left),
            "used_balance": float(used),
            "remain_credits": float(left if self._terms.unlimited else Decimal(in_credits(left))),
            "used_credits": float(in_credits(used)),
        }
        return told({"success": True, **amounts, "credits_per_usd": 200, "unlimited_quota": self._terms.unlimited})

    def ledger(self, now: float) -> Answer:
        """Tell every charge there ever was, for tests and for the curious; this is no part of the real service."""
        charges: list[Json] = []
        counts: dict[str, Json] = {}
        for task in self._tasks.values():
            word, usd = task.bill(now)
            line: dict[str, Json] = {"task": task.id, "business_id": task.business_id, "usd": plain(task.usd)}
            charges.append({**line, "status": word, "stands_at_usd": plain(usd), "at": task.at, "prompt": task.prompt})
            counts[task.business_id or ""] = int(cast("int", counts.get(task.business_id or "", 0))) + 1
        return told({"object": "ledger", "charges": charges, "by_business_id": counts, "usd": plain(self._used(now))})

    def tell(self, caller: Caller, answer: Answer) -> Answer:
        """Give an answer that is the same for everybody who has a key."""
        return answer if self._admits(caller) else unauthorized()

    # What the server asks for

    def find(self, identifier: str) -> Task | None:
        """Return the task of that id or own id, whether or not a look would show it."""
        return self._tasks.get(identifier) or self._by_business_id.get(identifier)

    def file_of(self, identifier: str, name: str, now: float) -> Task | None:
        """Return the task whose video lies under that link, if the link was handed out by a look and lives."""
        task = self._tasks.get(identifier)
        minted, _, signature = name.removesuffix(".mp4").partition("_")
        if task is None or not minted.isdecimal() or signature != self._signature(identifier, minted):
            return None
        alive = now < min(int(minted) / 1000 + self._terms.link_life, task.final_at + self._terms.file_life)
        return task if alive else None

    def drain(self) -> list[facts.Fact]:
        """Return the facts since the last call; they have to be kept before the answer that made them leaves."""
        fresh, self._fresh = self._fresh, []
        return fresh

    # How it comes about

    def _submitted(self, caller: Caller, content: bytes, fate: Fate) -> Answer:
        if len(content) > LARGEST_BODY:
            return refused(413, "read_request_body_failed", "request body too large", kind="new_api_error")
        try:
            body = json.loads(content, parse_constant=_no_number, parse_float=_finite)
        except (ValueError, RecursionError):
            return refused(400, "invalid_request", "The request body is not valid JSON.", kind="invalid_request_error")
        refusal = complaint(body, lambda url: self._knows(caller, url))
        if refusal is not None:
            return refusal
        again = self._by_business_id.get(own_id(body) or "") if self._terms.business_ids == "honoured" else None
        if again is not None:
            return self._shown(caller, again)
        return self._bought(caller, body, fate)

    def _bought(self, caller: Caller, body: dict[str, Json], fate: Fate) -> Answer:
        task = self._task(caller.now, body, fate)
        if not self._terms.unlimited and self._left(caller.now) < task.usd:
            return refused(402, 402, "Insufficient account balance", kind="payment_required")
        while self._running and self._running[0] <= caller.now:
            heapq.heappop(self._running)
        if 0 < self._terms.in_flight <= len(self._running):
            message = "当前分组上游负载已饱和,请稍后再试"
            return refused(429, "upstream_busy", message, kind="new_api_error", headers=(("retry-after", "1"),))
        self._record(task)
        return told(created(task, echo=self._terms.business_ids != "ignored"))

    def _task(self, now: float, body: dict[str, Json], fate: Fate) -> Task:
        identifier = "tsk_vid_" + _ulid(now, f"{self._terms.seed}:{len(self._tasks)}")
        mode, seconds, audio = (
            str(body.get("mode", "std")),
            int(cast("int", body.get("duration", 5))),
            body.get("audio"),
        )
        draw = random.Random(f"{self._terms.seed}:{identifier}")  # noqa: S311 - seeded dice are the point
        takes = draw.lognormvariate(log(self._terms.median), self._terms.sigma) / self._terms.speed
        return Task(
            id=identifier,
            business_id=own_id(body),
            prompt=str(body["prompt"]),
            mode=mode,
            ratio=str(body.get("aspect_ratio", "16:9")),
            duration=seconds,
            audio=audio is True,
            at=now,
            seconds=takes if fate.seconds is None else fate.seconds,
            usd=price(mode, audio=audio is True, seconds=seconds),
            fate=fate,
            metadata=cast("dict[str, Json]", body.get("metadata", {})),
            is_painted=self._terms.paint and len(self._tasks) < MOST_PAINTED,
        )

    def _looked(self, caller: Caller, identifier: str) -> Answer:
        task = self._visible(identifier, caller.now)
        if task is None:
            if self._terms.absent == 400:  # noqa: PLR2004 - the other status that was seen (contract 2.4)
                return told({"code": "task_not_exist", "message": "task_not_exist", "data": None}, status=400)
            return no_task()
        return self._shown(caller, task)

    def _shown(self, caller: Caller, task: Task) -> Answer:
        shown = task.fate.urls if caller.now >= task.final_at + task.fate.urls_after else 0
        minted = str(int(caller.now * 1000))
        link = f"{caller.origin}/files/videos/{task.id}/{minted}_{self._signature(task.id, minted)}.mp4"
        expires = task.final_at + self._terms.file_life
        echo = self._terms.business_ids != "ignored"
        return told(seen(task, caller.now, echo=echo, urls=(link,) * shown, expires=expires))

    def _visible(self, identifier: str, now: float) -> Task | None:
        task = self._tasks.get(identifier)
        if task is not None:
            return task if now >= task.at + _delay(task.fate.known_after) else None
        task = self._by_business_id.get(identifier) if self._terms.business_ids == "honoured" else None
        if task is None:
            return None
        own = task.fate.visible_after
        return task if now >= task.at + _delay(self._terms.visible_after if own is None else own) else None

    def _admits(self, caller: Caller) -> bool:
        return bool(caller.key) and caller.key not in self._terms.bad_keys

    def _knows(self, caller: Caller, url: str) -> bool:
        at = f"{caller.origin}/files/"
        return not url.startswith(at) or url.removeprefix(at) in self._uploads

    def _signature(self, identifier: str, minted: str) -> str:
        return hashlib.sha256(f"{self._terms.seed}:{identifier}:{minted}".encode()).hexdigest()[:12]

    def _used(self, now: float) -> Decimal:
        """Return what was spent, deposits of running tasks included, refunds given back."""
        return self._charged - sum((task.usd for task in self._refundable if task.is_final(now)), Decimal(0))

    def _left(self, now: float) -> Decimal:
        return Decimal(str(self._terms.balance_usd)) - self._used(now)

    def _record(self, fact: facts.Fact) -> None:
        self._fresh.append(fact)
        self._learn(fact)

    def _learn(self, fact: facts.Fact) -> None:
        match fact:
            case facts.Upload(name=name):
                self._uploads.add(name)
            case Task():
                self._tasks[fact.id] = fact
                self._charged += fact.usd
                heapq.heappush(self._running, fact.final_at)
                if fact.business_id is not None:
                    self._by_business_id.setdefault(fact.business_id, fact)
                if fact.fate.fails and fact.fate.refunded:
                    self._refundable.append(fact)


def _delay(seconds: float) -> float:
    return inf if seconds < 0 else seconds


def _failure(message: str) -> Answer:
    return told({"success": False, "message": message}, status=400)


def _image_type(content: bytes) -> tuple[str, str] | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp", "webp"
    return next(((kind, suffix) for magic, kind, suffix in _MAGIC if content.startswith(magic)), None)


def _ulid(now: float, entropy: str) -> str:
    """Return 26 characters in the form of a ULID: the milliseconds, then what the entropy hashes to."""
    digest = int.from_bytes(hashlib.sha256(entropy.encode()).digest()[:10])
    number = (int(now * 1000) << 80 | digest) % (1 << 130)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is out of range")
    return number
