"""The complaints of one stage, gathered while it goes on, each at the place whose edit mends it."""

from kling_batch.text.diagnostic import Diagnostic, Severity
from kling_batch.text.document import Document, Path
from kling_batch.text.source import Span


class Complaints:
    """What is wrong with one manifest, in the order in which it was found."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.told: list[Diagnostic] = []

    def at(self, path: Path, code: str, message: str, *, label: str = "", remedy: str = "") -> None:
        """Tell of a mistake in the value at a path."""
        self.on(self.document.span(path), code, message, label=label, remedy=remedy)

    def at_key(self, path: Path, code: str, message: str, *, label: str = "", remedy: str = "") -> None:
        """Tell of a mistake in the key that leads to a path."""
        self.on(self.document.key_span(path), code, message, label=label, remedy=remedy)

    def on(
        self,
        span: Span,
        code: str,
        message: str,
        *,
        label: str = "",
        remedy: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Tell of a mistake at a place in any source."""
        self.told.append(Diagnostic(code=code, message=message, span=span, label=label, help=remedy, severity=severity))

    def has_failed(self) -> bool:
        """Say whether anything told so far stops the work."""
        return any(each.severity is Severity.ERROR for each in self.told)
