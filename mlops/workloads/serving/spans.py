"""Make spans with OpenTelemetry's SDK.

Lives here: Spans, which begins a span for a request and sends what ended to the collector.
Not here: when that is done (tracing).
Law: the only module here that imports OpenTelemetry; names of attributes are those of its semantic conventions for HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_FAILED = 500


class Spans:
    """Endpoint, headers, sampler and service name are what OpenTelemetry's environment variables say."""

    def __init__(self, model: str, version: str, env: Mapping[str, str]) -> None:
        named = "OTEL_SERVICE_NAME" in env or "service.name=" in env.get("OTEL_RESOURCE_ATTRIBUTES", "")
        attributes = {"service.version": version, **({} if named else {"service.name": model})}
        self._provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("mlops.serving", version)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, method: str, path: str, carried: dict[str, str]) -> Span:
        """Begin the span of a request. `carried`: the headers of a trace that it belongs to."""
        parent = self._propagator.extract(carried) if carried else None
        attributes = {"http.request.method": method, "url.path": path}
        return self._tracer.start_span(f"{method} {path}", parent, SpanKind.SERVER, attributes)

    def note(self, span: Span, status: int, request_id: str) -> None:
        """Write down how a request was answered."""
        span.set_attribute("http.response.status_code", status)
        if request_id:
            span.set_attribute("mlops.request_id", request_id)
        if status >= _FAILED:
            span.set_status(Status(StatusCode.ERROR))

    def close(self) -> None:
        """Send what is left, as long as the exporter waits for a collector."""
        self._provider.shutdown()
