"""Answer requests.

Lives here: Application, a raw ASGI application: the routes, the fast path, the errors.
Not here: reading rows (rows), running the model (model), the process (server).
Law: a mistake of the client is 4xx with its column's name; 500 is a defect, and is logged.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from mlops.contracts.names import PROBE_HEADER
from mlops.workloads.serving.answer import AnswerWriter
from mlops.workloads.serving.describe import model_metadata, openapi, outputs_of, rows_of
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.model import Gatherer, OnnxPredictor
from mlops.workloads.serving.request_metrics import Meter
from mlops.workloads.serving.rows import BadRows, RowReader

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, bytes, tuple[bytes, bytes]]
"""Status, body, and the header of its type."""
_MOST_BYTES = 64 * 2**20
_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
_CLOSE = (b"connection", b"close")
_PROBE = PROBE_HEADER.encode()
_LOOPBACK = ("127.0.0.1", "::1")


class GoldenFailed(Exception):
    """The model does not answer its golden rows as it did when it was made."""


class Application:
    """Answers for one model. `folder`: model.onnx, contract.json, golden.json, api.json. Raises GoldenFailed where the golden rows differ."""

    def __init__(self, folder: Path, version: str, log: PredictionLog | None = None) -> None:
        self.contract: dict[str, Any] = json.loads((folder / "contract.json").read_text())
        api = json.loads((folder / "api.json").read_text())
        self.version = version
        self.log = log
        self.draining = False
        """Set once it is to end: no longer ready, and a connection is closed with its answer."""
        self.meter = Meter(self.contract["model"], version)
        self._most = int(api["max_rows"])
        self._reader = RowReader(self.contract, self._most)
        predictor = OnnxPredictor(folder / "model.onnx", self._reader, int(api["threads"]))
        self._golden(predictor, json.loads((folder / "golden.json").read_text()))
        self._model = Gatherer(predictor, gather=bool(api["gather"]))
        self._writer = AnswerWriter(self.contract, version, float(api["threshold"]))
        self._version_header = (b"x-mlops-version", version.encode())
        self._count = 0
        self._prefix = f"{os.getpid():x}{time.time_ns() & 0xFFFFFFFF:x}-"
        base = f"/v2/models/{self.contract['model']}"
        health: dict[str, Callable[[], Answer]] = {
            **dict.fromkeys(("/healthz", "/livez", "/v2/health/live"), _live),
            **dict.fromkeys(("/readyz", "/v2/health/ready", f"{base}/ready"), self._ready),
            "/metrics": self._metrics,
        }
        self.open_paths = frozenset(health)
        """What a platform asks that knows no key."""
        described = {base: self._metadata, "/openapi.json": self._openapi}
        self._routes = {("GET", path): route for path, route in (health | described).items()}
        self._infer = f"{base}/infer"

    def _ready(self) -> Answer:
        return (503, b'{"ready":false,"draining":true}', _JSON) if self.draining else (200, b'{"ready":true}', _JSON)

    def _metadata(self) -> Answer:
        return 200, json.dumps(model_metadata(self.contract, self.version)).encode(), _JSON

    def _openapi(self) -> Answer:
        description = openapi(self.contract, self.version, self._most)
        return 200, json.dumps(description, ensure_ascii=False).encode(), _JSON

    def _metrics(self) -> Answer:
        self.meter.dropped = self.log.dropped if self.log is not None else 0
        return 200, self.meter.text().encode(), _TEXT

    def _golden(self, predictor: OnnxPredictor, golden: dict[str, Any]) -> None:
        """Answer the golden rows the way of a request, from its bytes. Raises GoldenFailed."""
        rows = self._reader.read(json.dumps({"rows": golden["rows"]}).encode())
        worst = predictor.worst(rows, golden["predictions"])
        if not worst <= golden["tolerance"]:
            raise GoldenFailed(
                f"the golden request was answered wrongly: {worst:.3g} away from what the model predicted when it was "
                f"made, and {golden['tolerance']:g} is allowed"
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if method == "POST" and path == "/predict":
            await self._predict(scope, receive, send)
            return
        route = self._routes.get((method, path))
        if route is not None:
            await self._send(send, *route())
        elif method == "POST" and path == self._infer:
            await self._infer_v2(receive, send)
        elif method == "POST" and path == "/feedback":
            await self._feedback(receive, send)
        else:
            known = sorted({*(p for _, p in self._routes), "/predict", "/feedback", self._infer})
            other = any(path == p for p in known)
            body = {"error": "method not allowed" if other else "not found", "paths": known}
            await self._send(send, 405 if other else 404, json.dumps(body).encode())

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        count = 0
        status = 200
        request_id, is_probe = self._headers_of(scope)
        try:
            body = await _body(receive)
            rows = self._reader.read(body)
            count = len(rows)
            answer = self._writer.write(await self._model.predict(rows))
            if self.log is not None and not is_probe:
                self.log.offer(request_id, body, answer)
        except BadRows as error:
            status, answer = error.status, _bad(error)
        except ConnectionError:
            return
        except Exception:
            traceback.print_exc()
            status, answer = 500, b'{"error":"internal error; see the log of the service"}'
        headers = [_JSON, self._version_header, (b"x-request-id", request_id.encode()),
                   (b"content-length", str(len(answer)).encode())]  # fmt: skip
        if self.draining:
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        if not is_probe:
            self.meter.observe(status, time.perf_counter() - started, count)

    def _headers_of(self, scope: Scope) -> tuple[str, bool]:
        """Return the request's id, and whether this machine asks itself; nobody else may hide from log and metrics. The gateway,
        which comes by a Unix socket, takes the header off."""
        request_id, is_probe = "", False
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                text: str = value.decode("latin-1")
                request_id = text if text.isascii() and text.isprintable() and not set('"\\') & set(text) else ""
            elif name == _PROBE:
                client = scope.get("client")
                is_probe = not client or client[0] in _LOOPBACK
        return request_id or self._next_id(), is_probe

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:x}"

    async def _infer_v2(self, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status, count = 200, 0
        try:
            request = json.loads(await _body(receive))
            rows = self._reader.check({"rows": rows_of(request, self.contract)})
            count = len(rows)
            answer = json.dumps(
                outputs_of(await self._model.predict(rows), self.contract, self.version, request)
            ).encode()
        except BadRows as error:
            status, answer = error.status, _bad(error)
        except ValueError as error:
            status, answer = 400, json.dumps({"error": str(error)}).encode()
        await self._send(send, status, answer)
        self.meter.observe(status, time.perf_counter() - started, count)

    async def _feedback(self, receive: Receive, send: Send) -> None:
        try:
            body = await _body(receive)
            feedback = json.loads(body)
            missing = [name for name in ("id", "label") if not isinstance(feedback, dict) or name not in feedback]
        except (ValueError, BadRows):
            missing = ["id", "label"]
        if missing:
            await self._send(send, 422, json.dumps({"error": f"feedback needs {' and '.join(missing)}"}).encode())
            return
        if self.log is not None:
            self.log.feedback(body)
        await self._send(send, 202, b'{"kept":true}' if self.log is not None else b'{"kept":false}')

    async def _send(self, send: Send, status: int, body: bytes, kind: tuple[bytes, bytes] = _JSON) -> None:
        headers = [kind, self._version_header, (b"content-length", str(len(body)).encode())]
        if self.draining:
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _live() -> Answer:
    return 200, b'{"live":true}', _JSON


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _MOST_BYTES:
            raise BadRows(
                [{"row": None, "column": None, "problem": f"the body has more than {_MOST_BYTES:,} bytes"}], 413
            )
    if message["type"] == "http.disconnect":
        raise ConnectionError
    return body


def _bad(error: BadRows) -> bytes:
    return json.dumps({"error": "invalid rows", "problems": error.problems}, ensure_ascii=False).encode()
