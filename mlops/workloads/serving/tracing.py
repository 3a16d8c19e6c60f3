"""Tell a collector of each request (OpenTelemetry).

Lives here: with_tracing, which puts a span around each request where the environment names a collector.
Not here: what is answered (app), counters (request_metrics).
Law: without OTEL_EXPORTER_OTLP_ENDPOINT nothing is imported and nothing stands before the application; a trace that a client
began (W3C `traceparent`) goes on; health, readiness and metrics are no spans; a collector that is away costs no request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from mlops.workloads.serving.body import Receive
from mlops.workloads.serving.request_head import REQUEST_ID

TracedApp = Callable[
    [MutableMapping[str, Any], Receive, Callable[[MutableMapping[str, Any]], Awaitable[None]]], Awaitable[None]
]
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_QUIET = frozenset(("/healthz", "/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"))
_CARRIED = {b"traceparent": "traceparent", b"tracestate": "tracestate"}


def with_tracing(
    application: TracedApp, model: str, version: str, env: Mapping[str, str]
) -> tuple[TracedApp, Callable[[], None]]:
    """Return what to serve, and what to call at the end, so that no span is lost. `env`: as OpenTelemetry specifies it."""
    if not any(env.get(name) for name in _ENDPOINTS) or env.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return application, _nothing
    try:
        from mlops.workloads.serving.spans import Spans
    except ImportError as error:
        print(f"no traces: {error.name} is not installed; install mlops[tracing], or unset {_ENDPOINTS[0]}", flush=True)
        return application, _nothing
    spans = Spans(model, version, env)

    async def traced(scope: MutableMapping[str, Any], receive: Receive, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await application(scope, receive, send)
            return
        carried = {_CARRIED[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _CARRIED}
        span = spans.begin(scope["method"], scope["path"], carried)

        async def send_noted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own_id = next((value for name, value in message["headers"] if name == REQUEST_ID), b"")
                spans.note(span, message["status"], own_id.decode("latin-1"))
            await send(message)

        try:
            await application(scope, receive, send_noted)
        finally:
            span.end()

    return traced, spans.close


def _nothing() -> None:
    """Have nothing to end."""
