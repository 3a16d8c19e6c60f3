"""Answer requests.

Lives here: Application, a raw ASGI application: the fast path, other protocols, feedback, the errors.
Not here: receiving bodies (body), reading rows (rows), running the model (model), the process (server).
Law: a mistake of the client is 4xx with its column's name; 500 is a defect, and is logged. Every answer is JSON, but for
metrics, the page of documentation and tensors that a client wants as bytes.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from mlops.contracts.names import ANSWER_TIMEOUT
from mlops.workloads.label_values import LabelValues
from mlops.workloads.serving.answer import AnswerWriter
from mlops.workloads.serving.body import ARRIVAL_SECONDS, BodyReader, Receive
from mlops.workloads.serving.cache import CachedModel
from mlops.workloads.serving.content_coding import is_packed, packed_answer, plain_body, wants_gzip
from mlops.workloads.serving.describe import model_metadata, server_metadata
from mlops.workloads.serving.docs_page import PAGE
from mlops.workloads.serving.explain import Explainer, not_explained, wants_explanation
from mlops.workloads.serving.feedback import read_feedback
from mlops.workloads.serving.foreign import JSON_TYPE, Answered, ForeignAnswer, ForeignRequest
from mlops.workloads.serving.images import MOST_BYTES
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.model import Gatherer, OnnxPredictor
from mlops.workloads.serving.open_inference import OpenInference
from mlops.workloads.serving.openapi import EXAMPLE_ROWS, openapi
from mlops.workloads.serving.request_head import (
    ACCEPTED_CODING,
    CONTENT_CODING,
    REQUEST_ID,
    KeptHeaders,
    asks_itself,
    read_head,
    usable_id,
)
from mlops.workloads.serving.request_metrics import Meter
from mlops.workloads.serving.rows import BadRows, JudgedRows, RequestRow, RowReader, refusal_of, sentence_of
from mlops.workloads.serving.structure import LARGE
from mlops.workloads.serving.tf_serving import TensorFlowServing

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, bytes, tuple[bytes, bytes]]
"""Status, body, and the header of its type."""
_MOST_BYTES, _MOST_ROW_BYTES = 2**20, 2**11
"""A body may have as many bytes as the most rows need at so many each, or the first number if that is more."""
_FEEDBACK_BYTES = 2**20
_GZIP = (b"content-encoding", b"gzip")
_VARY = (b"vary", b"accept-encoding")
_HTML = (b"content-type", b"text/html; charset=utf-8")
_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
_CLOSE = (b"connection", b"close")
_NOT_KEPT = b'{"error":"the label could not be written into the prediction log; send it again later"}'
_INTERNAL = b'{"error":"internal error; see the log of the service"}'


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
        self.speaks_grpc = bool(api.get("grpc", False))
        self.most = most = int(api["max_rows"])
        self._reader = RowReader(self.contract, most, api)
        self.most_columns = self._reader.most_columns
        predictor = OnnxPredictor(
            folder / "model.onnx", self._reader, int(api["threads"]), float(api.get("timeout", ANSWER_TIMEOUT))
        )
        golden = json.loads((folder / "golden.json").read_text())
        sound = self._golden(predictor, golden)
        self._gatherer = Gatherer(predictor, sound, gather=bool(api["gather"]))
        self._cache = CachedModel(self._gatherer, api["cache"]) if api.get("cache") else None
        self._model: Gatherer | CachedModel = self._cache or self._gatherer
        least = MOST_BYTES if self._reader.has_images else _MOST_BYTES
        self._bodies = BodyReader(max(least, most * _MOST_ROW_BYTES), arrival)
        self.body_limit = self._bodies.limit
        self._beside = ThreadPoolExecutor(1, "large-requests")
        self._writer = AnswerWriter(
            self.contract, version, api.get("threshold"), top_k=api.get("top_k", 0), units=api.get("units")
        )
        self._explainer: Explainer | None = None
        if api.get("explain"):
            timeout = float(api.get("timeout", ANSWER_TIMEOUT))
            self._explainer = Explainer(folder, self.contract, self._reader, timeout=timeout)
        self._labels = LabelValues(self.contract)
        self._version_header = (b"x-mlops-version", version.encode())
        self._count = 0
        self._prefix = f"{os.getpid():x}{time.time_ns() & 0xFFFFFFFF:x}-"
        self.origins: Sequence[str] = api.get("cors", ())
        """The origins whose pages may ask from a browser."""
        self._build_routes(api, golden, most)

    def _build_routes(self, api: dict[str, Any], golden: dict[str, Any], most: int) -> None:
        """Build the tables of what is answered where. `most`: the most rows of one request."""
        version = self.version
        self.inference = v2 = OpenInference(self.contract, version, self._reader, most)
        tf = TensorFlowServing(self.contract, version, self._reader, most)
        v1_bases, v2_bases = tf.bases(), v2.bases()
        health: dict[str, Callable[[], Answer]] = {
            **dict.fromkeys(("/healthz", "/livez", "/v2/health/live"), _live),
            **dict.fromkeys(("/readyz", "/v2/health/ready", *(f"{base}/ready" for base in v2_bases)), self._ready),
            "/metrics": self._metrics,
        }
        page: dict[str, Callable[[], Answer]] = dict.fromkeys(("/", "/docs"), _page)
        self.open_paths = frozenset(health | page)
        """What a platform asks that knows no key; and the page of documentation, which holds nothing of the model itself."""
        described: dict[str, Callable[[], Answer]] = {
            "/openapi.json": lambda: _json(openapi(self.contract, version, most, api, golden, self._example(golden))),
            "/v2": lambda: _json(server_metadata(version)),
            **dict.fromkeys(v2_bases, lambda: _json(model_metadata(self.contract, version))),
            **dict.fromkeys(v1_bases, lambda: _json(tf.status())),
            **dict.fromkeys((f"{base}/metadata" for base in v1_bases), lambda: _json(tf.metadata())),
        }
        self._gets = health | page | described
        self._foreign: dict[str, Callable[[bytes, KeptHeaders], ForeignRequest]] = {
            **dict.fromkeys((f"{base}/infer" for base in v2_bases), v2.read),
            **dict.fromkeys((f"{base}:predict" for base in v1_bases), tf.read),
        }
        posts = ("/predict", "/feedback", *self._foreign)
        self._allowed = dict.fromkeys(self._gets, b"GET, HEAD") | dict.fromkeys(posts, b"POST")

    def _example(self, golden: dict[str, Any]) -> Any:
        """Return how the first golden rows are answered."""
        return json.loads(self._writer.write(golden["predictions"][:EXAMPLE_ROWS]))

    def _ready(self) -> Answer:
        return (
            (503, b'{"ready":false,"draining":true}', JSON_TYPE)
            if self.draining
            else (200, b'{"ready":true}', JSON_TYPE)
        )

    def _metrics(self) -> Answer:
        self.meter.dropped = self.log.dropped if self.log is not None else 0
        self.meter.cached = (self._cache.hits, self._cache.misses) if self._cache is not None else None
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
        if method == "POST":
            if path == "/predict":
                await self._predict(scope, receive, send)
                return
            if path in self._foreign:
                await self._answer_foreign(self._foreign[path], scope, receive, send)
                return
            if path == "/feedback":
                await self._feedback(scope, receive, send)
                return
        elif method in ("GET", "HEAD") and path in self._gets:
            await self._send(send, *self._gets[path](), head=read_head(scope))
            return
        allowed = self._allowed.get(path)
        body = {"error": "method not allowed" if allowed else "not found", "paths": sorted(self._allowed)}
        more = ((b"allow", allowed),) if allowed else ()
        await self._send(send, 405 if allowed else 404, json.dumps(body).encode(), JSON_TYPE, *more)

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        count = 0
        status = 200
        close = False
        head = read_head(scope)
        is_probe = bool(head) and asks_itself(head, scope)
        request_id = self._id_of(head)
        try:
            begun = self._bodies.begin(receive)
            body = begun if isinstance(begun, bytes) else await begun
            read = self._unjudged if is_probe else self._reader.read_judged
            if head and CONTENT_CODING in head and is_packed(head[CONTENT_CODING]):
                (rows, outside), body = await self._aside(self._unpack_and(read), body, head)
            elif len(body) <= LARGE and not self._reader.has_images:
                rows, outside = read(body)
            else:
                rows, outside = await self._aside(read, body)
            count = len(rows)
            explainer = self._explainer_of(query, rows) if (query := scope.get("query_string")) else None
            # What the machine asks itself judges the model, and not what it said once.
            predictions = await (self._gatherer if is_probe else self._model).predict(rows)
            plain = answer = self._writer.write(predictions, outside)
            if explainer is not None:
                answer = await explainer.add_to(plain, rows, predictions)
            if outside:
                self.meter.count_outside(outside)
            if self.log is not None and not is_probe:
                self.log.offer(request_id, body, plain)
        except BadRows as error:
            status, answer, close = error.status, refusal_of(error), error.close
        except ConnectionError:
            return
        except Exception:
            traceback.print_exc()
            status, answer = 500, _INTERNAL
        headers = [JSON_TYPE, self._version_header, (REQUEST_ID, request_id.encode())]
        if head and ACCEPTED_CODING in head and wants_gzip(answer, head[ACCEPTED_CODING]):
            answer = await self._packed(answer)
            headers += (_GZIP, _VARY)
        headers.append((b"content-length", b"%d" % len(answer)))
        if close or self.draining:
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        if not is_probe:
            self.meter.observe(status, time.perf_counter() - started, count)

    def _explainer_of(self, query: bytes, rows: list[RequestRow]) -> Explainer | None:
        """Return what explains rows, where the query asks for that. Raises BadRows where it cannot be had."""
        if not wants_explanation(query):
            return None
        if self._explainer is None:
            raise not_explained()
        self._explainer.check(rows)
        return self._explainer

    def _id_of(self, head: KeptHeaders, own: str = "") -> str:
        """Return the id that a client gave its request, in the header or as `own`, or a new one."""
        if head or own:
            given = usable_id(head.get(REQUEST_ID, b"").decode("latin-1")) or usable_id(own)
            if given:
                return given
        self._count += 1
        return f"{self._prefix}{self._count:x}"

    def _unjudged(self, body: bytes) -> JudgedRows:
        return self._reader.read(body), ()

    def _unpack_and(self, read: Callable[[bytes], Any]) -> Callable[[bytes, KeptHeaders], Any]:
        """Return what decompresses a body and reads it, and gives both."""

        def unpack(body: bytes, head: KeptHeaders) -> tuple[Any, bytes]:
            plain = plain_body(body, head[CONTENT_CODING], self._bodies.limit)
            return read(plain), plain

        return unpack

    async def _aside(self, read: Callable[..., Any], *given: Any) -> Any:
        """Read a large body beside the event loop, one at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._beside, read, *given)

    async def _packed(self, answer: bytes) -> bytes:
        if len(answer) <= LARGE:
            return packed_answer(answer)
        packed: bytes = await self._aside(packed_answer, answer)
        return packed

    async def _answer_foreign(
        self, read: Callable[[bytes, KeptHeaders], ForeignRequest], scope: Scope, receive: Receive, send: Send
    ) -> None:
        head = read_head(scope)
        is_probe = bool(head) and asks_itself(head, scope)
        try:
            answered = await self.answer(self._bodies.begin(receive), read, head, is_probe=is_probe)
        except ConnectionError:
            return
        error = answered.refused
        failed = ForeignAnswer(_INTERNAL if error is None else refusal_of(error, sentence_of(error)))
        given = answered.answer or failed
        named = (REQUEST_ID, answered.request_id.encode())
        close = error is not None and error.close
        await self._send(send, answered.status, given.body, *given.headers, named, head=head, close=close)

    async def answer(
        self, arriving: bytes | Awaitable[bytes], read: Callable[[bytes, KeptHeaders], ForeignRequest], head: KeptHeaders,
        *, is_probe: bool = False,
    ) -> Answered:  # fmt: skip
        """Answer a request of another protocol; it is logged as `/predict` would be for the same rows. Raises ConnectionError where
        the client has gone."""
        started = time.perf_counter()
        status, count = 200, 0
        answer: ForeignAnswer | None = None
        refused: BadRows | None = None
        asked: ForeignRequest | None = None

        def understood(body: bytes) -> tuple[ForeignRequest, JudgedRows]:
            nonlocal asked
            asked = read(body, head)
            rows = self._reader.check({"rows": asked.rows})
            return asked, (rows, ()) if is_probe else self._reader.judge(rows)

        try:
            body = arriving if isinstance(arriving, bytes) else await arriving
            if is_packed(head.get(CONTENT_CODING)):
                (given, (rows, outside)), _ = await self._aside(self._unpack_and(understood), body, head)
            elif len(body) <= LARGE and not self._reader.has_images:
                given, (rows, outside) = understood(body)
            else:
                given, (rows, outside) = await self._aside(understood, body)
            count = len(rows)
            predictions = await self._model.predict(rows)
            answer = given.write(predictions, outside)
            if outside:
                self.meter.count_outside(outside)
        except BadRows as error:
            status, refused = error.status, error
        except ConnectionError:
            raise
        except Exception:
            traceback.print_exc()
            status = 500
        request_id = self._id_of(head, asked.id if asked is not None else "")
        if answer is not None and self.log is not None and asked is not None and not is_probe:
            self.log.offer(
                request_id, msgspec.json.encode({"rows": asked.rows}), self._writer.write(predictions, outside)
            )
        if not is_probe:
            self.meter.observe(status, time.perf_counter() - started, count)
        return Answered(request_id, status, answer, refused)

    async def _feedback(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer once what was kept is on the disk, so that no crash loses it."""
        close = False
        head = read_head(scope)
        try:
            body = await self._bodies.read(receive, _FEEDBACK_BYTES)
            if is_packed(head.get(CONTENT_CODING)):
                body = await self._aside(plain_body, body, head[CONTENT_CODING], _FEEDBACK_BYTES)
            feedback = read_feedback(body, self._labels)
            status, answer = feedback.answer(is_kept=self.log is not None)
            if self.log is not None and feedback.fitting:
                written = self.log.feedback(feedback.fitting)
                if written is None or not await asyncio.wrap_future(written):
                    status, answer = 503, _NOT_KEPT
        except BadRows as error:
            status, answer, close = error.status, refusal_of(error, sentence_of(error)), error.close
        except ConnectionError:
            return
        except Exception:
            traceback.print_exc()
            status, answer = 500, _INTERNAL
        await self._send(send, status, answer, JSON_TYPE, close=close)

    async def _send(
        self, send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes], head: KeptHeaders | None = None,
        close: bool = False,
    ) -> None:  # fmt: skip
        """Send an answer. `head`: of the request, where the answer may be compressed."""
        every = [*headers, self._version_header]
        if head and wants_gzip(body, head.get(ACCEPTED_CODING)):
            body = await self._packed(body)
            every += (_GZIP, _VARY)
        every.append((b"content-length", b"%d" % len(body)))
        if close or self.draining:
            every.append(_CLOSE)
        await send({"type": "http.response.start", "status": status, "headers": every})
        await send({"type": "http.response.body", "body": body})


def _live() -> Answer:
    return 200, b'{"live":true}', JSON_TYPE


def _page() -> Answer:
    return 200, PAGE, _HTML


def _json(content: dict[str, Any]) -> Answer:
    return 200, json.dumps(content, ensure_ascii=False).encode(errors="replace"), JSON_TYPE
