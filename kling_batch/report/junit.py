"""A status as JUnit XML: a CI shows each job of a campaign as a test."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence

from kling_batch.plan.diff import Change
from kling_batch.plan.record import State
from kling_batch.report.plan_groups import shot_of
from kling_batch.report.status import Status

_NO_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold in any form (its production 2, `Char`)."""

_KINDS = {
    State.DONE: "",
    State.FAILED: "failure",
    State.LOST: "failure",
    State.UNSURE: "error",
    State.PENDING: "skipped",
    State.SUBMITTED: "skipped",
}
_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def statuses_junit(parts: Sequence[Status]) -> str:
    """Return a suite for each manifest, a case for each job: failed and lost ones fail, unsure ones are errors."""
    root = ET.Element("testsuites", name="kling-batch")
    for status in parts:
        kinds = Counter(_KINDS[change.state] for change in status.jobs)
        suite = ET.SubElement(root, "testsuite", name=_clean(status.manifest), tests=str(len(status.jobs)))
        for kind, attribute in _COUNTED.items():
            suite.set(attribute, str(kinds[kind]))
        for change in status.jobs:
            _case(suite, change)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(suite: ET.Element, change: Change) -> None:
    case = ET.SubElement(suite, "testcase", classname=_clean(shot_of(change)), name=_clean(change.key))
    kind = _KINDS[change.state]
    if not kind:
        return
    failure = change.record.failure if change.record else None
    message = f"{failure.message} ({failure.code})" if failure else change.because
    told = ET.SubElement(case, kind, message=_clean(message))
    if kind != "skipped":
        told.set("type", _clean(failure.kind if failure else change.state.value))


def _clean(text: str) -> str:
    return _NO_CHARACTER.sub("", text)
