"""A record as one line of JSON, its fields in a fixed order and only where they say something: the same bytes ever."""

import json
from decimal import Decimal

from kling_batch.events import Failure
from kling_batch.job import Json
from kling_batch.plan.record import Attempt, Record, State

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode(value: object) -> str:
    """Return the compact JSON text of a value, fields in the order they have."""
    return _encoder.encode(value)


def payload(record: Record) -> dict[str, Json]:
    """Return what the lock says of a record, in the order of design section 6."""
    numbered = record.state is not State.PENDING or record.business_id or (record.generation, record.attempt) != (1, 1)
    every: dict[str, Json] = {
        "spec": record.spec,
        "parts": list(record.parts),
        "generation": record.generation if numbered else None,
        "attempt": record.attempt if numbered else None,
        "business_id": record.business_id,
        "task": record.task,
        "state": record.state.value,
        "output": record.output,
        "sha256": record.sha256,
        "bytes": record.bytes,
        "seconds": record.seconds,
        "spent": _money(record.spent),
        "charged": record.charged or None,
        "pruned": record.pruned or None,
        "expires": record.expires,
        "error": _error(record.failure),
        "warnings": list(record.warnings) or None,
        "reason": record.reason or None,
        "attempts": [_attempt(each) for each in record.attempts] or None,
        "past": [payload(each) for each in record.past] or None,
        "also": [_attempt(each) for each in record.also] or None,
    }
    return _told(every) | dict(record.extra)


def _attempt(attempt: Attempt) -> dict[str, Json]:
    every: dict[str, Json] = {
        "attempt": attempt.attempt,
        "business_id": attempt.business_id,
        "task": attempt.task,
        "spent": _money(attempt.spent),
        "error": _error(attempt.failure),
    }
    return _told(every) | dict(attempt.extra)


def _told(every: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in every.items() if value is not None}


def _money(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:f}"


def _error(failure: Failure | None) -> dict[str, Json] | None:
    return None if failure is None else {"class": failure.kind, "code": failure.code, "message": failure.message}
