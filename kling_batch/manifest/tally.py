"""Complaints about rendered jobs, each leaf told once: with the number of jobs that it hits and the first of them."""

from dataclasses import dataclass, replace

from kling_batch.job import Key
from kling_batch.manifest.axes import Axis
from kling_batch.manifest.check import Finding
from kling_batch.manifest.faults import placed
from kling_batch.manifest.folder import Folder
from kling_batch.manifest.rules import Combination
from kling_batch.manifest.template import Fault
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.document import Document, Path
from kling_batch.text.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """The job in which a complaint was met, with the axes that its key leaves out."""

    key: Key
    axes: tuple[Axis, ...] = ()
    combination: Combination = ()

    @property
    def names(self) -> dict[str, str]:
        """The names of the axis values, by axis."""
        return {axis.name: value.name for axis, value in zip(self.axes, self.combination, strict=True)}

    def __str__(self) -> str:
        pairs = zip(self.axes, self.combination, strict=True)
        hidden = ", ".join(f"{axis.name}={value.name}" for axis, value in pairs if axis.default == value.name)
        return f"`{self.key}`" + (f" ({hidden})" if hidden else "")


class Tally:
    """Gathers what is wrong with jobs, by complaint and leaf."""

    def __init__(self, document: Document, folder: Folder) -> None:
        self._document = document
        self._folder = folder
        self._met: dict[object, tuple[Diagnostic, int, Hit]] = {}

    def fault(self, path: Path, fault: Fault, hit: Hit) -> None:
        """Note that a template at a path could not be rendered."""
        identity = (path, fault.code, fault.file, fault.line, fault.word)
        if not self._again(identity):
            place = placed(fault, self._document, path, self._folder)
            diagnostic = Diagnostic(
                code=place.code, message=place.message, span=place.span, label=place.label, help=place.remedy
            )
            self._met[identity] = (diagnostic, 1, hit)

    def finding(self, place: "Path | Span", finding: Finding, hit: Hit) -> None:
        """Note that a rendered value, which comes from the leaf or row at a place, is not as it has to be."""
        identity = (place, finding.code)
        if not self._again(identity):
            diagnostic = Diagnostic(
                code=finding.code,
                message=finding.message,
                span=place if isinstance(place, Span) else self._span(place),
                label=finding.label,
                help=finding.remedy,
                severity=finding.severity,
            )
            self._met[identity] = (diagnostic, 1, hit)

    def told(self) -> tuple[Diagnostic, ...]:
        """Return the complaints in the order in which they were first met."""
        return tuple(replace(each, label=_label(each.label, count, hit)) for each, count, hit in self._met.values())

    def _again(self, identity: object) -> bool:
        if identity not in self._met:
            return False
        diagnostic, count, hit = self._met[identity]
        self._met[identity] = (diagnostic, count + 1, hit)
        return True

    def _span(self, path: Path) -> Span:
        """Return the place of a value; of its key where it is a map that would be pointed at whole."""
        span = self._document.span(path)
        whole = "\n" in span.source.text[span.start : span.end]
        return self._document.key_span(path) if whole and not isinstance(path[-1], int) else span


def _label(label: str, count: int, hit: Hit) -> str:
    where = f"in {hit}" if count == 1 else f"in {count} jobs, first {hit}"
    return f"{label} {where}" if label else where
