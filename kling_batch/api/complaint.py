"""What an answer complains about, whatever shape the complaint has (contract section 3.2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from kling_batch.api.json_body import parsed
from kling_batch.api.redact import cleaned

_DEPTH = 6  # of complaints inside complaints
_MESSAGES = ("message", "msg", "detail", "fail_reason", "task_status_msg")
_CONTENT = ("", "success", "ok", "0", "200", "new_api_error")  # codes that say nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """The innermost code and message, fit to be shown, and all codes and messages as `words`, in lower case."""

    code: str = ""
    message: str = ""
    words: str = ""


def complaint_of(value: object) -> Complaint:
    """Return what a JSON value complains about: nested errors, plain texts and JSON inside texts are seen through."""
    said = [(code, cleaned(message)) for code, message in _said(value, _DEPTH)]
    codes = [code for code, _ in said if code]
    messages = [message for _, message in said if message]
    return Complaint(
        code=cleaned(codes[-1])[:100] if codes else "",
        message=messages[-1] if messages else "",
        words="\n".join([*codes, *messages]).lower(),
    )


def complains(layer: dict[str, object]) -> bool:
    """Say whether an object is an error envelope rather than a plain answer."""
    return bool(layer.get("error")) or layer.get("success") is False or bool(_code(layer.get("code")))


def _said(value: object, depth: int) -> Iterator[tuple[str, str]]:
    """Give code and message of each layer, the outermost first."""
    if depth == 0:
        return
    match value:
        case str() if value.lstrip().startswith("{") and isinstance(
            inner := parsed(value.encode(errors="replace")), dict
        ):
            yield from _said(inner, depth - 1)
        case str():
            yield "", value
        case dict():
            yield _code(value.get("code")) or _code(value.get("type")), ""
            for name in _MESSAGES:
                yield from _said(value.get(name), depth - 1)
            yield from _said(value.get("error"), depth - 1)
        case _:
            return


def _code(value: object) -> str:
    match value:
        case str() | Decimal():
            text = str(value).strip()[:100]
            return "" if text.lower() in _CONTENT else text
        case _:
            return ""
