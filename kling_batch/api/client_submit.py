"""A submit on its way: the one request that costs money, watched at the wire."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import httpx

from kling_batch.api.answers import Accepted, Fault, FaultKind, SubmitAnswer
from kling_batch.api.client_exchange import Reply, cut_short
from kling_batch.api.client_settings import told
from kling_batch.api.json_body import readable
from kling_batch.api.redact import cleaned
from kling_batch.api.wire import submit_answer
from kling_batch.job import Json

_FIRST_BYTE = "http11.send_request_headers.started"
_PROXY_WANTS_A_LOGIN = "407"
_MOST_EVIDENCE = 500  # characters of an unclear answer that the journal keeps


class SentTwiceError(Exception):
    """The library underneath was about to send a submit a second time by itself."""


class Wire:
    """The wire watermark of one submit: `is_sent` once a byte may have left, `refusal` what the hook raised instead."""

    def __init__(self, on_wire: Callable[[], Awaitable[None]]) -> None:
        self._on_wire = on_wire
        self._begun = False
        self.is_sent = False
        self.refusal: Exception | None = None

    async def trace(self, event: str, info: Mapping[str, object]) -> None:
        """Await the hook just before the first byte of the POST; a proxy's CONNECT is none of it."""
        if event != _FIRST_BYTE or getattr(info.get("request"), "method", b"POST") == b"CONNECT":
            return
        if self._begun:
            raise SentTwiceError("a submit was about to be sent twice")
        self._begun = True
        try:
            await self._on_wire()
        except Exception as refusal:
            self.refusal = refusal
            raise
        self.is_sent = True


def unanswered(error: Exception, *, is_sent: bool) -> Fault:
    """Return the fault of a submit that got no answer: by the watermark alone, never by the exception's name."""
    kind = FaultKind.UNCLEAR if is_sent else FaultKind.UNSENT
    if not is_sent and isinstance(error, httpx.ProxyError) and str(error).startswith(_PROXY_WANTS_A_LOGIN):
        kind = FaultKind.CONFIGURATION
    return Fault(kind=kind, code=type(error).__name__, message=told(error))


def answered(reply: Reply, body: Mapping[str, Json]) -> SubmitAnswer:
    """Return what an answer says, and where it is unclear what came; one cut short can accept, if its JSON is whole."""
    answer = _read(reply, body)
    if isinstance(answer, Fault) and answer.kind is FaultKind.UNCLEAR:
        return replace(answer, evidence=cleaned(readable(reply.body))[:_MOST_EVIDENCE])
    return answer


def _read(reply: Reply, body: Mapping[str, Json]) -> SubmitAnswer:
    answer = submit_answer(reply.status, reply.headers, reply.body)
    if not isinstance(answer, Accepted):
        return answer if reply.error is None else cut_short(reply, reply.error)
    sent = body.get("client_business_id")
    if answer.business_id is None or sent is None or answer.business_id == sent:
        return answer
    return Fault(
        kind=FaultKind.UNCLEAR, status=reply.status, code="another-task", message="answered for another submit"
    )
