"""A run's trace in OpenTelemetry's own terms: in memory, and over real HTTP at a small collector on loopback."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest

from kling_batch.cli.traces import Trace
from kling_batch.events import Done, Failed, Failure, Looked, Submitted
from kling_batch.job import Key, TaskId
from kling_batch.report.traces import Traces

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra `otel` is needed to send traces")

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
RUN = ("run", "spring.yaml", "--sandbox", "--yes", "--speed", "2000")
HIDDEN = """
import sys
sys.modules["opentelemetry"] = None
from kling_batch.cli.main import main
sys.exit(main())
"""


class Collector(ThreadingHTTPServer):
    """Takes what is sent to it, by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.taken: list[tuple[str, bytes]] = []


class Taker(BaseHTTPRequestHandler):
    """Answers every POST with an empty success."""

    server: Collector

    def do_POST(self) -> None:
        self.server.taken.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        yield server
        server.shutdown()
        thread.join()


def test_a_run_is_a_span_with_a_span_for_each_attempt_below_it() -> None:
    kept, reader, clock = InMemorySpanExporter(), InMemoryMetricReader(), count(0, 1_000)
    spans, meters = TracerProvider(shutdown_on_exit=False), MeterProvider([reader], shutdown_on_exit=False)
    spans.add_span_processor(SimpleSpanProcessor(kept))
    good, bad = Key("hero#1"), Key("hero#2")

    trace = Trace(spans=spans, meters=meters, fold=Traces(()), now=lambda: next(clock))
    for key in (good, bad):
        trace.hear(Submitted(key=key, task=TaskId(f"tsk_{key[-1]}")))
        trace.hear(Looked(key=key, status="queued", progress=0))
    trace.hear(Done(key=good, output="x.mp4", sha256="0", bytes=5))
    trace.hear(Failed(key=bad, failure=Failure(kind="transient", code="timeout", message="")))
    trace.end()

    found = kept.get_finished_spans()
    run = found[-1]
    jobs = [each for each in found if each.name == "job"]
    assert [each.name for each in found] == ["wait", "job", "wait", "job", "run"]
    assert {each.parent.span_id for each in jobs if each.parent} == {run.context.span_id}
    assert [each.status.is_ok for each in jobs] == [True, False]
    assert jobs[1].status.description == "transient timeout"
    assert [event.name for event in found[0].events] == ["look"]
    data = reader.get_metrics_data()
    assert data is not None
    names = [metric.name for scope in data.resource_metrics[0].scope_metrics for metric in scope.metrics]
    assert set(names) >= {"kling_batch.submits", "kling_batch.looks", "kling_batch.jobs", "kling_batch.job.duration"}
    meters.shutdown()
    spans.shutdown()


def test_a_run_with_otel_tells_the_collector_and_nothing_of_the_prompts(command: Command, collector: Collector) -> None:
    said = command(*RUN, "--otel")

    assert (said.code, "trace" in said.err) == (0, False), said.err
    sent = ExportTraceServiceRequest()
    for path, content in collector.taken:
        if path == "/v1/traces":
            sent.MergeFromString(content)
    spans = [span for each in sent.resource_spans for scope in each.scope_spans for span in scope.spans]
    assert sorted(span.name for span in spans) == sorted(["run", *["job", "submit", "wait", "download"] * 2])
    metrics = ExportMetricsServiceRequest()
    for path, content in collector.taken:
        if path == "/v1/metrics":
            metrics.MergeFromString(content)
    figures = {
        metric.name: sum(point.as_double or point.as_int for point in metric.sum.data_points)
        for each in metrics.resource_metrics
        for scope in each.scope_metrics
        for metric in scope.metrics
    }
    assert (figures["kling_batch.submits"], figures["kling_batch.jobs"]) == (2, 2)
    assert figures["kling_batch.spent"] == pytest.approx(0.368)
    everything = b"".join(content for _, content in collector.taken)
    assert [word for word in (b"Aurora", b"hero/", b"files/videos", b"Bearer") if word in everything] == []


def test_without_otel_no_collector_hears_of_a_run(command: Command, collector: Collector) -> None:
    assert command(*RUN).code == 0

    assert collector.taken == []


def test_a_collector_that_is_not_there_stops_no_run(command: Command, collector: Collector) -> None:
    collector.server_close()

    said = command(*RUN, "--otel")

    assert said.code == 0
    assert "warning: not all of the trace was taken: " in said.err


@pytest.mark.usefixtures("folder")
def test_otel_without_its_extra_says_what_to_install() -> None:
    said = subprocess.run([sys.executable, "-c", HIDDEN, *RUN, "--otel"], capture_output=True, text=True, check=False)

    assert said.returncode == 2
    assert (said.stdout, "pip install 'kling-batch[otel]'" in said.stderr) == ("", True)
