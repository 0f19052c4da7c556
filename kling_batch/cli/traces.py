"""The door to OpenTelemetry, with the extra `otel`: what `report.traces` makes of the events goes to a collector.

Only `--otel` opens it: a machine on which the environment names a collector for other programs tells it nothing. Where
is in the environment, as for every program (OTEL_EXPORTER_OTLP_ENDPOINT, by default http://localhost:4318).
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, assert_never

import kling_batch
from kling_batch.cli import terminal
from kling_batch.errors import UsageError
from kling_batch.events import Event
from kling_batch.plan.diff import Change
from kling_batch.report.traces import DURATION, UNITS, Figure, Signal, Span, Traces
from kling_batch.text.plain import plain

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Counter, Histogram
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

PATIENCE = 5.0  # seconds that a collector may take at the end
LOGGER = "opentelemetry"


def check_extra(*, wanted: bool) -> None:
    """Raise `UsageError` where traces are wanted and the extra is not here."""
    if wanted and not _is_installed():
        raise UsageError("`--otel` needs the extra `otel`", help="`pip install 'kling-batch[otel]'`")


def _is_installed() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # of a part of the name
        return False


@contextmanager
def traced(changes: Sequence[Change], *, wanted: bool) -> Iterator[Callable[[Event], None]]:
    """Give the ear that makes a trace of a run of these changes, if that is wanted; a collector never stops a run."""
    if not wanted:
        yield lambda _: None
        return
    check_extra(wanted=wanted)
    faults = _Faults()
    logger = logging.getLogger(LOGGER)
    logger.addHandler(faults)
    logger.propagate = False
    spans, meters, hang_up = _providers()
    trace = Trace(spans=spans, meters=meters, fold=Traces(changes), now=time.time_ns)
    try:
        yield trace.hear
    finally:
        trace.end()
        _close((spans.shutdown, meters.shutdown), hang_up)
        logger.removeHandler(faults)
        if faults.first:
            terminal.talk(f"warning: not all of the trace was taken: {plain(faults.first)}")


def _close(shutdowns: Sequence[Callable[[], None]], hang_up: Callable[[], None]) -> None:
    """Send what is left, for as long as a run may wait for it; a provider's own time-out holds for each batch anew."""
    threads = [threading.Thread(target=each, name="trace", daemon=True) for each in shutdowns]
    for thread in threads:
        thread.start()
    end = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        hang_up()
    for thread in threads:
        thread.join(PATIENCE)


class _Faults(logging.Handler):
    """Keeps the first thing that the exporter complains of; it would go to the screen of the run else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or record.getMessage().partition("\n")[0]


def _providers() -> "tuple[TracerProvider, MeterProvider, Callable[[], None]]":
    """Return what spans and figures go to, and how to give up on the collector."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - on demand
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - as above
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415 - as above
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "kling-batch"}
    resource = Resource.create({**named, "service.version": kling_batch.__version__})
    spans = TracerProvider(resource=resource, shutdown_on_exit=False)
    of_spans, of_figures = OTLPSpanExporter(timeout=PATIENCE), OTLPMetricExporter(timeout=PATIENCE)
    spans.add_span_processor(BatchSpanProcessor(of_spans))
    meters = MeterProvider([PeriodicExportingMetricReader(of_figures)], resource=resource, shutdown_on_exit=False)

    def hang_up() -> None:
        of_spans.shutdown()  # type: ignore[no-untyped-call]  # that of spans is typed
        of_figures.shutdown()

    return spans, meters, hang_up


@dataclass(slots=True, kw_only=True)
class Trace:
    """One run as a trace: a span for the run, one below it for each attempt at a job; `now` is nanoseconds."""

    spans: "TracerProvider"
    meters: "MeterProvider"
    fold: Traces
    now: Callable[[], int]
    _began: int = field(init=False)
    _run: "Context" = field(init=False)
    _end: Callable[[int], None] = field(init=False)
    _instruments: "Mapping[str, Counter | Histogram]" = field(init=False)

    def __post_init__(self) -> None:
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415 - only who has the extra comes here

        self._began = self.now()
        run = self.spans.get_tracer("kling_batch").start_span("run", start_time=self._began)
        self._run, self._end = set_span_in_context(run), run.end
        meter = self.meters.get_meter("kling_batch")
        self._instruments = {
            name: meter.create_histogram(name, unit) if name == DURATION else meter.create_counter(name, unit)
            for name, unit in UNITS.items()
        }

    def hear(self, event: Event) -> None:
        """Take in the next event."""
        self._take(self.fold.hear(event, self.now()))

    def end(self) -> None:
        """End what is under way, and the run."""
        now = self.now()
        self._take(self.fold.end(now))
        self._end(now)

    def _take(self, signals: Iterator[Signal]) -> None:
        for signal in signals:
            match signal:
                case Span():
                    self._span(signal, self._run)
                case Figure(name=name, amount=amount, attributes=attributes):
                    self._figure(name, amount, attributes)
                case _:
                    assert_never(signal)

    def _figure(self, name: str, amount: float, attributes: Mapping[str, str | int | float]) -> None:
        instrument = self._instruments[name]
        if name == DURATION:
            instrument.record(amount, attributes)  # type: ignore[union-attr]  # the one histogram
        else:
            instrument.add(amount, attributes)  # type: ignore[union-attr]  # all others count

    def _span(self, span: Span, parent: "Context") -> None:
        from opentelemetry.trace import Status, StatusCode, set_span_in_context  # noqa: PLC0415 - as above

        made = self.spans.get_tracer("kling_batch").start_span(
            span.name, parent, attributes=span.attributes, start_time=span.begin
        )
        for mark in span.marks:
            made.add_event(mark.name, mark.attributes, timestamp=mark.at)
        for part in span.parts:
            self._span(part, set_span_in_context(made))
        if span.fault:
            made.set_status(Status(StatusCode.ERROR, span.fault))
        made.end(span.end)
