"""What a user wrote wrong, as a value: where it is, why it is wrong, and what would be right."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from kling_batch.text.source import Span


class Severity(enum.Enum):
    """Whether a diagnostic stops the work or only tells."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One complaint about what a user wrote.

    `code` is a stable kebab-case name, `message` says what is wrong, `label` stands beside the caret (often what was
    meant), `help` says what would be right. `place` names the file where no span can be had.
    """

    code: str
    message: str
    span: Span | None = None
    place: str = ""
    label: str = ""
    help: str = ""
    severity: Severity = Severity.ERROR


def errors(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics that stop the work."""
    return tuple(each for each in diagnostics if each.severity is Severity.ERROR)
