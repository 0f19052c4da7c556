"""Diagnostics as SARIF 2.1.0 (OASIS), which code scanning services read."""

from collections.abc import Sequence
from urllib.parse import quote

from kling_batch.job import Json
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.plain import plain
from kling_batch.text.source import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def complaints_sarif(diagnostics: Sequence[Diagnostic], version: str) -> dict[str, Json]:
    """Return diagnostics as one SARIF run of the tool in this `version`; columns count code points from 1."""
    codes = list(dict.fromkeys(each.code for each in diagnostics))
    driver: dict[str, Json] = {"name": "kling-batch", "version": version, "rules": [{"id": code} for code in codes]}
    run: dict[str, Json] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, codes.index(each.code)) for each in diagnostics],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(diagnostic: Diagnostic, rule: int) -> dict[str, Json]:
    text = "; ".join(part for part in (diagnostic.message, diagnostic.label, diagnostic.help) if part)
    result: dict[str, Json] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity.value,
        "message": {"text": plain(text)},
    }
    place = diagnostic.span.source.name if diagnostic.span else diagnostic.place
    if place and not place.startswith("--"):  # an option of the command line is no file
        physical: dict[str, Json] = {"artifactLocation": {"uri": quote(place.replace("\\", "/"))}}
        if diagnostic.span:
            physical["region"] = _region(diagnostic.span)
        result["locations"] = [{"physicalLocation": physical}]
    return result


def _region(span: Span) -> dict[str, Json]:
    line, column = span.position
    last, end = span.source.position(max(span.end, span.start))
    return {"startLine": line, "startColumn": column, "endLine": last, "endColumn": end}
