"""Answer requests.

Lives here: Application, a raw ASGI application: the routes, the fast path, the errors.
Not here: receiving bodies (body), reading rows (rows), running the model (model), the process (server).
Law: a mistake of the client is 4xx with its column's name; 500 is a defect, and is logged. Every answer is JSON, but for metrics.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mlops.contracts.names import PROBE_HEADER
from mlops.workloads.label_values import LabelValues
from mlops.workloads.serving.answer import AnswerWriter
from mlops.workloads.serving.body import ARRIVAL_SECONDS, BodyReader, Receive
from mlops.workloads.serving.describe import model_metadata, openapi, outputs_of
from mlops.workloads.serving.feedback import read_feedback
from mlops.workloads.serving.images import MOST_BYTES
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.model import Gatherer, OnnxPredictor
from mlops.workloads.serving.request_metrics import Meter
from mlops.workloads.serving.rows import BadRows, RequestRow, RowReader
from mlops.workloads.serving.structure import LARGE

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, bytes, tuple[bytes, bytes]]
"""Status, body, and the header of its type."""
_MOST_BYTES, _MOST_ROW_BYTES = 2**20, 2**11
"""A body may have as many bytes as the most rows need at so many each, or the first number if that is more."""
_FEEDBACK_BYTES = 2**20
_Result = tuple[int, bytes, bool]
"""Status, body, and whether the connection ends with it."""
_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
_CLOSE = (b"connection", b"close")
_NOT_KEPT = b'{"error":"the label could not be written into the prediction log; send it again later"}'
_INTERNAL = b'{"error":"internal error; see the log of the service"}'
_PROBE = PROBE_HEADER.encode()
_LOOPBACK = ("127.0.0.1", "::1")


class GoldenFailed(Exception):
    """The model does not answer its golden rows as it did when it was made."""


class Application:
    """Answers for one model. `folder`: model.onnx, contract.json, golden.json, api.json. `arrival`: seconds that a body may take.

    Raises GoldenFailed where the golden rows are answered otherwise than they were.
    """

    def __init__(
        self, folder: Path, version: str, log: PredictionLog | None = None, *, arrival: float = ARRIVAL_SECONDS
    ) -> None:
        self.contract: dict[str, Any] = json.loads((folder / "contract.json").read_text())
        api = json.loads((folder / "api.json").read_text())
        self.version = version
        self.log = log
        self.draining = False
        """Set once it is to end: no longer ready, and a connection is closed with its answer."""
        self.meter = Meter(self.contract["model"], version)
        if log is not None:
            log.answers = self.meter.answers
        self._most = int(api["max_rows"])
        self._reader = RowReader(self.contract, self._most)
        predictor = OnnxPredictor(folder / "model.onnx", self._reader, int(api["threads"]))
        golden = json.loads((folder / "golden.json").read_text())
        sound = self._golden(predictor, golden)
        self._model = Gatherer(predictor, sound, gather=bool(api["gather"]))
        least = MOST_BYTES if self._reader.has_images else _MOST_BYTES
        self._bodies = BodyReader(max(least, self._most * _MOST_ROW_BYTES), arrival)
        self._beside = ThreadPoolExecutor(1, "large-requests")
        self._writer = AnswerWriter(self.contract, version, api.get("threshold"))
        self._labels = LabelValues(self.contract)
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
        self._routes = {(verb, path): route for path, route in (health | described).items() for verb in ("GET", "HEAD")}
        self._posts: dict[str, Callable[[Receive], Awaitable[_Result]]] = {
            "/feedback": self._feedback, f"{base}/infer": self._infer_v2,
        }  # fmt: skip
        self._allowed = dict.fromkeys((*health, *described), b"GET, HEAD") | dict.fromkeys(
            ("/predict", *self._posts), b"POST"
        )

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

    def _golden(self, predictor: OnnxPredictor, golden: dict[str, Any]) -> RequestRow:
        """Answer the golden rows the way of a request, from its bytes, and return the first. Raises GoldenFailed."""
        rows = self._reader.read(json.dumps({"rows": golden["rows"]}).encode())
        worst = predictor.worst(rows, golden["predictions"])
        if not worst <= golden["tolerance"]:
            raise GoldenFailed(
                f"the golden request was answered wrongly: {worst:.3g} away from what the model predicted when it was "
                f"made, and {golden['tolerance']:g} is allowed"
            )
        return rows[0]

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
        elif method == "POST" and path in self._posts:
            await self._post(self._posts[path], receive, send)
        else:
            allowed = self._allowed.get(path)
            body = {"error": "method not allowed" if allowed else "not found", "paths": sorted(self._allowed)}
            more = ((b"allow", allowed),) if allowed else ()
            await self._send(send, 405 if allowed else 404, json.dumps(body).encode(), _JSON, *more)

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        count = 0
        status = 200
        close = False
        request_id, is_probe = self._headers_of(scope)
        try:
            begun = self._bodies.begin(receive)
            body = begun if isinstance(begun, bytes) else await begun
            is_quick = len(body) <= LARGE and not self._reader.has_images
            rows = self._reader.read(body) if is_quick else await self._aside(self._reader.read, body)
            count = len(rows)
            answer = self._writer.write(await self._model.predict(rows))
            if self.log is not None and not is_probe:
                self.log.offer(request_id, body, answer)
        except BadRows as error:
            status, answer, close = error.status, _bad(error), error.close
        except ConnectionError:
            return
        except Exception:
            traceback.print_exc()
            status, answer = 500, _INTERNAL
        headers = [
            _JSON,
            self._version_header,
            (b"x-request-id", request_id.encode()),
            (b"content-length", b"%d" % len(answer)),
        ]
        if close or self.draining:
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

    async def _aside(self, read: Callable[[bytes], Any], body: bytes) -> Any:
        """Read a large body beside the event loop, one at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._beside, read, body)

    async def _post(self, handler: Callable[[Receive], Awaitable[_Result]], receive: Receive, send: Send) -> None:
        try:
            status, answer, close = await handler(receive)
        except ConnectionError:
            return
        except Exception:
            traceback.print_exc()
            status, answer, close = 500, _INTERNAL, False
        await self._send(send, status, answer, _JSON, *((_CLOSE,) if close and not self.draining else ()))

    async def _infer_v2(self, receive: Receive) -> _Result:
        started = time.perf_counter()
        status, count, close = 500, 0, False
        try:
            body = await self._bodies.read(receive)
            read = self._reader.read_tensors
            request, rows = (
                read(body) if len(body) <= LARGE and not self._reader.has_images else await self._aside(read, body)
            )
            count = len(rows)
            predictions = await self._model.predict(rows)
            answer = json.dumps(outputs_of(predictions, self.contract, self.version, request), allow_nan=False).encode()
            status = 200
        except BadRows as error:
            status, close = error.status, error.close
            answer = _bad(error, _sentence(error))
        finally:
            self.meter.observe(status, time.perf_counter() - started, count)
        return status, answer, close

    async def _feedback(self, receive: Receive) -> _Result:
        """Answer once what was kept is on the disk, so that no crash loses it."""
        try:
            body = await self._bodies.read(receive, _FEEDBACK_BYTES)
            feedback = read_feedback(body, self._labels)
        except BadRows as error:
            return error.status, _bad(error, _sentence(error)), error.close
        if self.log is not None and feedback.fitting:
            written = self.log.feedback(feedback.fitting)
            if written is None or not await asyncio.wrap_future(written):
                return 503, _NOT_KEPT, False
        return *feedback.answer(is_kept=self.log is not None), False

    async def _send(
        self, send: Send, status: int, body: bytes, kind: tuple[bytes, bytes] = _JSON, *more: tuple[bytes, bytes]
    ) -> None:
        headers = [kind, self._version_header, (b"content-length", str(len(body)).encode()), *more]
        if self.draining:
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _live() -> Answer:
    return 200, b'{"live":true}', _JSON


def _bad(error: BadRows, sentence: str = "invalid rows") -> bytes:
    text = json.dumps({"error": sentence, "problems": error.problems}, ensure_ascii=False)
    return text.encode(errors="replace")


def _sentence(error: BadRows) -> str:
    """Return the one problem of a body as a whole, or that there are bad rows."""
    first = error.problems[0]
    return str(first["problem"]) if first["row"] is None else "invalid rows"
