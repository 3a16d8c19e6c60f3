"""Spans of requests, as a collector receives them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from mlops.workloads.serving.app import Application
from mlops.workloads.serving.tracing import with_tracing
from tests.served_model import ask_application, write_served_model

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "abc"}


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    """A collector's address, and the resources with spans that it received."""
    received: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest()
            request.ParseFromString(self.rfile.read(int(self.headers["content-length"])))
            received.extend(request.resource_spans)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()


@pytest.fixture
def served(tmp_path: Path) -> Application:
    return Application(write_served_model(tmp_path / "model"), "v7")


def plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def test_collector_gets_a_span_in_the_clients_trace(
    served: Application, collector: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    traced, end = with_tracing(served, "m", "v7", {"OTEL_EXPORTER_OTLP_ENDPOINT": address})
    for path in ("/predict", "/readyz", "/v2/models/m/infer"):
        method = "GET" if path == "/readyz" else "POST"
        ask_application(traced, method, path, json={"place": 2}, headers=HEADERS)
    ask_application(traced, "POST", "/predict", json={"place": 2}, headers={"traceparent": "no such thing"})
    end()
    resource = plain(received[0].resource.attributes)
    assert (resource["service.name"], resource["service.version"]) == ("m", "v7")
    spans = [span for one in received for scope in one.scope_spans for span in scope.spans]
    assert [span.name for span in spans] == ["POST /predict", "POST /v2/models/m/infer", "POST /predict"]
    assert {(span.trace_id.hex(), span.parent_span_id.hex()) for span in spans[:2]} == {(TRACE, PARENT)}
    assert spans[2].trace_id.hex() != TRACE
    attributes = [plain(span.attributes) for span in spans]
    assert (attributes[0]["http.response.status_code"], attributes[0]["mlops.request_id"]) == (200, "abc")
    assert attributes[1]["http.response.status_code"] == 400


@pytest.mark.parametrize(
    "env", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}]
)  # fmt: skip
def test_without_a_collector_nothing_stands_before_the_application(served: Application, env: dict[str, str]) -> None:
    assert with_tracing(served, "m", "v7", env)[0] is served


def test_serving_imports_opentelemetry_only_where_a_collector_is_named() -> None:
    code = (
        "import sys, mlops.workloads.serving.listen\n"
        "from mlops.workloads.serving.tracing import with_tracing\n"
        "with_tracing(None, 'm', 'v7', {})\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_service_without_the_sdk_says_so_and_serves(
    served: Application, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    monkeypatch.delitem(sys.modules, "mlops.workloads.serving.spans", raising=False)
    traced, _ = with_tracing(served, "m", "v7", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert traced is served
    assert "install mlops[tracing]" in capsys.readouterr().out
