"""The wire format: every documented answer, and every shape that clients have met (contract sections 1 to 5 and 9).

An object that speaks of a task is called its *layer*: it may be the whole answer, or lie under `data`. No bytes make
anything here raise.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from kling_batch.api.answers import (
    Absent,
    Accepted,
    Balance,
    Completed,
    Fault,
    FaultKind,
    LookAnswer,
    Running,
    SubmitAnswer,
    TaskFailed,
    Uploaded,
)
from kling_batch.api.complaint import complains, complaint_of
from kling_batch.api.faults import failure_of, fault_of
from kling_batch.api.figures import CREDITS_PER_USD, billing_of, decimal_of, progress_of, unix_seconds_of
from kling_batch.api.json_body import at, parsed
from kling_batch.api.redact import cleaned
from kling_batch.job import TaskId

Layer: TypeAlias = dict[str, object]

OK, BAD_REQUEST, NOT_FOUND, FORBIDDEN, TOO_MANY = 200, 400, 404, 403, 429
COMPLETED = frozenset({"completed", "complete", "succeeded", "succeed", "success", "done", "finished"})
FAILED = frozenset({"failed", "failure", "fail", "error", "cancelled", "canceled"})
OWN_IDS = "kb1-"  # a business id never looks like a task id

_TASK_ID = re.compile(r"(?=\.*[A-Za-z0-9_:-])[A-Za-z0-9._:-]{1,128}")  # `..` is a way, no name
_UNKNOWN_TASK = frozenset({"task_not_exist", "task_not_found", "task not found", "task not exist"})
_LONGEST_LINK = 8_192  # characters


def submit_answer(status: int, headers: Mapping[str, str], body: bytes) -> SubmitAnswer:
    """Read the answer to a submit (contract 1.5). Only 2xx, or a 429 that plainly shows a task, can accept."""
    layers = tuple(_layers(parsed(body)))
    broken = any(complains(layer) for layer in layers)
    for layer in layers if _is_fine(status) or status == TOO_MANY else ():
        is_shown = isinstance(layer.get("status"), str) or layer.get("object") == "generation.task"
        if _ids(layer) and (is_shown or not broken):
            return Accepted(task=_ids(layer)[0], business_id=_business_id(layers))
    return fault_of(status, headers, body)


def look_answer(status: int, headers: Mapping[str, str], body: bytes, *, asked: str = "") -> LookAnswer:
    """Read the answer to a look (contract 2) at the task or business id `asked` for; another task's is `UNCLEAR`."""
    value = parsed(body)
    layers = tuple(_layers(value))
    layer = _task_layer(layers)
    if _is_fine(status) and layer is not None:
        if _is_another(layers, layer, asked):
            return Fault(kind=FaultKind.UNCLEAR, status=status, code="another-task", message="told of another task")
        return _task(layers, layer, asked)
    if _is_absent(status, layers):
        return Absent()
    fault = fault_of(status, headers, body)
    if status == FORBIDDEN and value is None:  # a page of the network in front of the service, not the service
        return Fault(kind=FaultKind.UNCLEAR, status=status, message=fault.message, wait=fault.wait)
    return fault


def upload_answer(status: int, headers: Mapping[str, str], body: bytes) -> Uploaded | Fault:
    """Read the answer to an upload (contract 4); a refusal may come with 200."""
    layers = tuple(_layers(parsed(body)))
    if _is_fine(status) and not _is_refusal(layers):
        for layer in layers:
            for link in _links_of(layer):
                return Uploaded(url=link)
    return _free_fault(status, headers, body)


def balance_answer(status: int, headers: Mapping[str, str], body: bytes) -> Balance | Fault | None:
    """Read what is left on the account (contract 5.3); `None` where the service does not offer to tell."""
    if status == NOT_FOUND:
        return None
    layers = tuple(_layers(parsed(body)))
    if _is_fine(status) and not _is_refusal(layers):
        for layer in layers:
            left, credits_ = decimal_of(layer.get("remain_balance")), decimal_of(layer.get("remain_credits"))
            if layer.get("unlimited_quota") is True or left == -1:
                return Balance(usd=None)
            if credits_ is not None:  # the unit of `remain_balance` depends on a display setting
                return Balance(usd=max(credits_ / CREDITS_PER_USD, Decimal(0)))
            if left is not None:
                return Balance(usd=max(left, Decimal(0)))
    return _free_fault(status, headers, body)


def _is_refusal(layers: tuple[Layer, ...]) -> bool:
    return any(layer.get("success") is False for layer in layers)


def _free_fault(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """Return the fault of a request that buys nothing, where a plain refusal may come with 200."""
    is_refusal = _is_fine(status) and _is_refusal(tuple(_layers(parsed(body))))
    return replace(fault_of(BAD_REQUEST if is_refusal else status, headers, body), status=status)


def _is_fine(status: int) -> bool:
    return OK <= status < 300  # noqa: PLR2004 - HTTP's own figure


def _layers(value: object) -> Iterator[Layer]:
    """Give the objects that may speak of a task, the outermost first."""
    for layer in (value, at(value, "data"), at(value, "data", "data")):
        if isinstance(layer, dict):
            yield layer


def _task_layer(layers: tuple[Layer, ...]) -> Layer | None:
    """Return the object that is the task: the outermost with an id, for below it may lie what an upstream said.

    A nameless outermost one may be an envelope, and its `success` or `error` ends no task.
    """
    for layer in layers:
        if _speaks_of_task(layer) and _ids(layer):
            return layer
    for layer in layers[1:] + layers[:1]:
        ends = _status(layer) in FAILED or (_status(layer) in COMPLETED and not _links(layers, layer))
        if _speaks_of_task(layer) and not (layer is layers[0] and ends):
            return layer
    return next((layer for layer in layers if _ids(layer) and not complains(layer)), None)


def _speaks_of_task(layer: Layer) -> bool:
    return "status" in layer or "task_status" in layer or layer.get("object") == "generation.task"


def _status(layer: Layer) -> str:
    told = layer.get("status", layer.get("task_status"))
    return "" if told is None else str(told).strip().lower()[:100]


def _ids(layer: Layer) -> tuple[TaskId, ...]:
    """Return the clean ids that an object names itself by, the likelier first."""
    told = (layer.get("id"), layer.get("task_id"))
    return tuple(TaskId(each) for each in told if isinstance(each, str) and _TASK_ID.fullmatch(each))


def _business_id(layers: tuple[Layer, ...]) -> str | None:
    for layer in layers:
        for told in (layer.get("client_business_id"), at(layer, "metadata", "client_business_id")):
            if isinstance(told, str) and told:
                return told[:200]
    return None


def _is_another(layers: tuple[Layer, ...], layer: Layer, asked: str) -> bool:
    """Say whether the answer names another task than the one asked for; no echo is no contradiction."""
    ids, echo = _ids(layer), _business_id(layers)
    if not asked or asked in ids or asked == echo:
        return False
    return bool(echo) if asked.startswith(OWN_IDS) else bool(ids)


def _is_absent(status: int, layers: tuple[Layer, ...]) -> bool:
    """Say whether the service knows no such task (contract 2.4); a 404 of anything else proves nothing."""
    if not layers or not (_is_fine(status) or status in (BAD_REQUEST, NOT_FOUND)):
        return False
    complaint = complaint_of(layers[0])
    if complaint.code.lower() in _UNKNOWN_TASK or complaint.message.lower().rstrip(".") in _UNKNOWN_TASK:
        return True
    named = "error" in layers[0] or "code" in layers[0]
    return status == NOT_FOUND and named and "url" not in complaint.words and "model" not in complaint.words


def _task(layers: tuple[Layer, ...], layer: Layer, asked: str) -> LookAnswer:
    """Return what a task's object says; a status that nobody has described is taken as still running."""
    ids, status, echo = _ids(layer), _status(layer), _business_id(layers)
    task = TaskId(asked) if asked in ids else next(iter(ids), None)
    billing = billing_of(layer) or billing_of(layers[0])
    if status in COMPLETED:
        expires = unix_seconds_of(layer.get("expires_at"))
        return Completed(task=task, urls=_links(layers, layer), expires=expires, billing=billing, business_id=echo)
    if status in FAILED:
        complaint = complaint_of({**layer, "code": None, "type": None})
        failure = failure_of(
            complaint, complaint.message or f"the task ended as {cleaned(status)}", otherwise="transient"
        )
        return TaskFailed(task=task, failure=failure, billing=billing, business_id=echo)
    return Running(task=task, status=cleaned(status), progress=progress_of(layer.get("progress")), business_id=echo)


def _links(layers: tuple[Layer, ...], layer: Layer) -> tuple[str, ...]:
    """Return the links of a completed task in the order of contract 10 item 6, each once."""
    others = [each for each in layers if each is not layer]
    found = [link for each in (layer, *others) for link in _links_of(each)]
    found += [link for each in (layer, *others) for link in _link(each.get("fail_reason"))]
    return tuple(dict.fromkeys(found))


def _links_of(layer: Layer) -> Iterator[str]:
    yield from _listed(at(layer, "result", "data"))
    for path in (("url",), ("video_url",), ("metadata", "url"), ("result_url",), ("result", "url")):
        yield from _link(at(layer, *path))
    yield from _listed(at(layer, "task_result", "videos"))
    yield from _listed(layer.get("data"))


def _listed(items: object) -> Iterator[str]:
    for item in items if isinstance(items, list) else ():
        yield from _link(at(item, "url"))


def _link(value: object) -> Iterator[str]:
    """Give a value that is an absolute http(s) link, and nothing else."""
    if not isinstance(value, str) or len(value) > _LONGEST_LINK:
        return
    if re.match(r"https?://[^/\s]", value, re.IGNORECASE) and value.isprintable() and " " not in value:
        yield value
