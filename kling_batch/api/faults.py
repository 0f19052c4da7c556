"""An answer that is not the one hoped for, classified: may the request be sent again, and who erred.

The table is that of design section 5.2 with contract section 3.3 and reliability b3. It speaks of *whole* answers to a
POST; what was cut short is `UNCLEAR` whatever it says, and so is 200 without an id, whatever error its body tells of.
Where it says that nothing was created, the same request may go out again under the same business id; `UNCLEAR` may not.
"""

import datetime as dt
import math
import re
from collections.abc import Container, Mapping
from email.utils import parsedate_to_datetime

from kling_batch.api.answers import Fault, FaultKind
from kling_batch.api.complaint import Complaint, complaint_of
from kling_batch.api.json_body import parsed
from kling_batch.api.redact import cleaned
from kling_batch.events import Failure, FailureClass

LONGEST_WAIT = 600.0  # seconds that a service may ask for; more is taken as this

_ANY = re.compile("")
_NO_MONEY = re.compile(
    r"quota[_ ](?:is[_ ])?not[_ ]enough|insufficient[\w ]{0,40}(?:quota|balance|credit|funds)|余额|额度"
)
_NO_QUOTA = re.compile(r"insufficient\w*_quota|quota_not_enough")
_BAD_KEY = re.compile(r"无效的令牌|(?:invalid|incorrect)[_ ](?:api[_ ]?)?(?:key|token)")
_NO_MODEL = re.compile(r"model_not_found|channel_?capability|未配置渠道能力|model not found|no such model")
_NO_PLACE = re.compile(r"\A\Z|\b(?:url|model|route|path|endpoint)\b|^(?:404 )?(?:page )?not[_ ]found\W*$", re.MULTILINE)
_FULL = re.compile(r"no available channel|无可用渠道|上游负载已饱和|upstream (?:is )?(?:overloaded|saturated)")
_LIMITER = re.compile(r"rate_limit_unavailable")
_MODERATED = re.compile(
    r"content[_ ]?policy|content_filter|sensitive|moderation|privacy_?information|policy[_ ]violation"
    r"|violates? (?:the|our)|敏感|违规|审核"
)
_MISFORMED = re.compile(
    r"invalid_?parameter|invalid[_ ]request|invalid[\w' ]{0,20}image|image_url.{0,20}invalid"
    r"|base64 image is not allowed"
)

_TABLE: tuple[tuple[Container[int], re.Pattern[str], FaultKind], ...] = (
    ((408, 409), _ANY, FaultKind.UNCLEAR),
    ((400, 402, 403), _NO_MONEY, FaultKind.BALANCE),
    ((402,), _ANY, FaultKind.BALANCE),
    ((429,), _NO_QUOTA, FaultKind.BALANCE),
    ((401, 403), _ANY, FaultKind.AUTH),
    ((400,), _BAD_KEY, FaultKind.AUTH),
    ((301, 307, 308, 407), _ANY, FaultKind.CONFIGURATION),
    ((400, 404, 422, 503), _NO_MODEL, FaultKind.CONFIGURATION),
    ((404,), _NO_PLACE, FaultKind.CONFIGURATION),
    ((429, 503), _FULL, FaultKind.BUSY),
    ((425, 429), _ANY, FaultKind.RATE),
    ((503,), _LIMITER, FaultKind.RATE),
    (range(400, 500), _ANY, FaultKind.REFUSED),
    (range(1_000_000), _ANY, FaultKind.UNCLEAR),
)


def fault_of(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """Return the fault that a whole answer is, for a request that may have bought something."""
    value = parsed(body)
    complaint = complaint_of(value)
    kind = kind_of(status, complaint)
    message = complaint.message or _in_other_words(status, headers, body, is_json=value is not None)
    return Fault(
        kind=kind,
        status=status,
        code=complaint.code,
        message=message,
        wait=wait_of(headers),
        failure=failure_of(complaint, message, otherwise="invalid") if kind is FaultKind.REFUSED else None,
    )


def kind_of(status: int, complaint: Complaint) -> FaultKind:
    """Return the class of a whole answer to a POST that names no task: that of the first row that fits."""
    return next(kind for statuses, words, kind in _TABLE if status in statuses and words.search(complaint.words))


def failure_of(complaint: Complaint, message: str, *, otherwise: FailureClass) -> Failure:
    """Return the job's view of a complaint: `rejected` by moderation, `invalid`, or what it is `otherwise`."""
    kind: FailureClass = otherwise
    if _MODERATED.search(complaint.words):
        kind = "rejected"
    elif _MISFORMED.search(complaint.words):
        kind = "invalid"
    return Failure(kind=kind, code=complaint.code, message=message)


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`, at most `LONGEST_WAIT`; a date counts from the answer's own `Date`.

    `None` where nothing usable is told: a negative wait is as good as none.
    """
    told = header(headers, "retry-after").strip()
    if not told:
        return None
    try:
        seconds = float(told)
    except ValueError:
        seconds = _seconds_between(moment_of(header(headers, "date")), moment_of(told))
    return min(seconds, LONGEST_WAIT) if seconds >= 0 else None


def header(headers: Mapping[str, str], name: str) -> str:
    """Return a header by its name in lower case, empty where it is missing."""
    return next((value for key, value in headers.items() if key.lower() == name), "")


def moment_of(told: str) -> dt.datetime | None:
    """Return the moment of an HTTP date, `None` where it is none."""
    try:
        moment = parsedate_to_datetime(told)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _seconds_between(start: dt.datetime | None, end: dt.datetime | None) -> float:
    """Return the seconds from one moment to another, not a number where one of them is not known."""
    return math.nan if start is None or end is None else (end - start).total_seconds()


def _in_other_words(status: int, headers: Mapping[str, str], body: bytes, *, is_json: bool) -> str:
    """Say what came, where the answer itself says nothing."""
    location = header(headers, "location")
    if 300 <= status < 400 and location:  # noqa: PLR2004 - HTTP's own figures
        return cleaned(f"redirected to {location}")
    said = body[:4000].decode(errors="replace")
    text = cleaned(said if is_json else re.sub(r"<[^<>]{0,1000}>", " ", said))
    return f"HTTP {status}{'' if is_json else ', not JSON'}: {' '.join(text.split())[:300]}".rstrip(": ")
