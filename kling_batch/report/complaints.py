"""Diagnostics for programs: JSON, and the commands by which GitHub shows them beside the line of a pull request."""

from collections.abc import Iterable

from kling_batch.job import Json
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.plain import plain


def complaints_json(diagnostics: Iterable[Diagnostic]) -> list[Json]:
    """Return diagnostics as JSON objects; `line` and `column` count from 1, and are `null` where no place is known."""
    return [_object(each) for each in diagnostics]


def _object(diagnostic: Diagnostic) -> dict[str, Json]:
    line, column = diagnostic.span.position if diagnostic.span else (None, None)
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "file": _file(diagnostic) or None,
        "line": line,
        "column": column,
        "label": diagnostic.label,
        "help": diagnostic.help,
    }


def _file(diagnostic: Diagnostic) -> str:
    return diagnostic.span.source.name if diagnostic.span else diagnostic.place


def complaints_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Return diagnostics as workflow commands, one a line, with GitHub's escapes."""
    return "".join(f"{_command(each)}\n" for each in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    properties = {"file": _file(diagnostic)} if _file(diagnostic) else {}
    if diagnostic.span:
        line, column = diagnostic.span.position
        properties |= {"line": str(line), "col": str(column)}
    properties["title"] = diagnostic.code
    told = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    message = "; ".join(part for part in (diagnostic.message, diagnostic.label, diagnostic.help) if part)
    return f"::{diagnostic.severity.value} {told}::{_escaped(message, '')}"


def _escaped(text: str, more: str) -> str:
    shown = plain(text)
    for character in "%" + more:
        shown = shown.replace(character, f"%{ord(character):02X}")
    return shown
