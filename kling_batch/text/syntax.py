"""What the YAML parser could not read, said in words about the text: what stands there, and what would be right."""

from dataclasses import dataclass

from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The parser's own report: the problem and where it shows, what was being read and where that began."""

    problem: str
    at: int
    context: str
    since: int


def explain(source: Source, trouble: Trouble) -> Diagnostic:
    """Return the parser's report as a diagnostic."""
    return Diagnostic(
        code="yaml-syntax", message=trouble.problem, span=Span(source=source, start=trouble.at, end=trouble.at + 1)
    )
