"""Answer calls of the Open Inference Protocol over gRPC, beside HTTP.

Lives here: GrpcServer, which listens in the event loop of the HTTP server, and grpc_server_of.
Not here: what a request means (inference_request), judging, running the model, log and counters (app).
Law: a mistake of the client is INVALID_ARGUMENT with its column's name, or NOT_FOUND; INTERNAL is a defect, and is logged. Every
answer names its request and the version, as over HTTP.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.contracts.names import KEY_HEADER, PROBE_HEADER
from mlops.workloads.serving.app import Application
from mlops.workloads.serving.describe import model_metadata, server_metadata
from mlops.workloads.serving.request_head import REQUEST_ID, is_own_machine
from mlops.workloads.serving.rows import BadRows, sentence_of
from mlops.workloads.serving.server_settings import KeyFile

if TYPE_CHECKING:
    import grpc

_MOST_CALLS = 1_024
"""Calls at once; one more is RESOURCE_EXHAUSTED, before its message is received."""
_MOST_SAID = 4_000
"""Characters of a refusal: a status travels in a header, and clients take 8 KiB of those."""
_DENIED = f"the metadata {KEY_HEADER} is missing or wrong"
_DEFECT = "internal error; see the log of the service"
_CODES = {404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
"""Status over HTTP -> over gRPC; every other one is INVALID_ARGUMENT."""
_OPEN = ("ServerLive", "ServerReady", "ModelReady")
"""What a platform asks that knows no key."""
_Answer = Callable[[bytes, Mapping[str, str], "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]


class GrpcServer:
    """`where`: an address such as `unix:/PATH` or `0.0.0.0:8001`. `key`: what clients must send; None lets everybody in."""

    def __init__(self, application: Application, where: str, key: KeyFile | None = None) -> None:
        from mlops.workloads.serving.inference_request import GrpcInference

        self._application, self._where, self._key = application, where, key
        self._inference = GrpcInference(application.inference, application.most, application.most_columns)
        self._version = ("x-mlops-version", application.version)
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises RuntimeError where that is not possible."""
        import grpc

        options = [("grpc.max_receive_message_length", self._application.body_limit), ("grpc.so_reuseport", 0)]
        self._server = grpc.aio.server(options=options, maximum_concurrent_rpcs=_MOST_CALLS)
        self._server.add_generic_rpc_handlers((self._handlers(),))
        if self._where.startswith("unix:"):
            Path(self._where.removeprefix("unix:")).unlink(missing_ok=True)
        self._server.add_insecure_port(self._where)
        await self._server.start()

    async def stop(self, grace: float) -> None:
        """End listening at once, and calls under way after `grace` seconds."""
        if self._server is not None:
            await self._server.stop(grace)

    def _handlers(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        import grpc

        from mlops.workloads.serving.inference_messages import INFERENCE_SERVICE

        answers: dict[str, _Answer] = {
            "ServerLive": self._live, "ServerReady": self._ready, "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata, "ModelMetadata": self._model_metadata, "ModelInfer": self._infer,
        }  # fmt: skip
        # Bytes come as they are: what cannot be read is a mistake of the client, which grpc would call INTERNAL.
        handlers = {
            method: grpc.unary_unary_rpc_method_handler(self._guarded(method, answer))
            for method, answer in answers.items()
        }
        return grpc.method_handlers_generic_handler(INFERENCE_SERVICE, handlers)

    def _guarded(self, method: str, answer: _Answer) -> Callable[[bytes, Any], Awaitable[bytes]]:
        """Return what asks for the key first, and gives refusals as status."""
        import grpc

        async def guarded(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            sent = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
            is_let_in = self._key is None or method in _OPEN or self._key.fits(sent.get(KEY_HEADER, "").encode())
            if not is_let_in:
                await self._abort(context, "UNAUTHENTICATED", _DENIED)
            try:
                return await answer(body, sent, context)
            except BadRows as error:
                refused = error
            except Exception as error:
                if isinstance(error, grpc.aio.AbortError):
                    raise
                traceback.print_exc()
                await self._abort(context, "INTERNAL", _DEFECT)
            await self._refuse(context, refused)
            raise AssertionError

        return guarded

    async def _abort(
        self, context: grpc.aio.ServicerContext[bytes, bytes], code: str, why: str, *named: tuple[str, str]
    ) -> None:
        import grpc

        await context.abort(grpc.StatusCode[code], why[:_MOST_SAID], (*named, self._version))

    async def _refuse(
        self, context: grpc.aio.ServicerContext[bytes, bytes], refused: BadRows, *named: tuple[str, str]
    ) -> None:
        await self._abort(context, _CODES.get(refused.status, "INVALID_ARGUMENT"), _said(refused), *named)

    async def _live(self, body: bytes, sent: Mapping[str, str], context: Any) -> bytes:
        return _written("ServerLiveResponse", live=True)

    async def _ready(self, body: bytes, sent: Mapping[str, str], context: Any) -> bytes:
        return _written("ServerReadyResponse", ready=not self._application.draining)

    async def _model_ready(self, body: bytes, sent: Mapping[str, str], context: Any) -> bytes:
        self._check_named("ModelReadyRequest", body)
        return _written("ModelReadyResponse", ready=not self._application.draining)

    async def _server_metadata(self, body: bytes, sent: Mapping[str, str], context: Any) -> bytes:
        return _written("ServerMetadataResponse", **{**server_metadata(self._application.version), "extensions": []})

    async def _model_metadata(self, body: bytes, sent: Mapping[str, str], context: Any) -> bytes:
        self._check_named("ModelMetadataRequest", body)
        return _written(
            "ModelMetadataResponse", **model_metadata(self._application.contract, self._application.version)
        )

    def _check_named(self, message: str, body: bytes) -> None:
        """Raises BadRows where a request names another model."""
        from mlops.workloads.serving.inference_request import parsed

        request = parsed(message, body)
        self._application.inference.check_model(request.name, request.version)

    async def _infer(self, body: bytes, sent: Mapping[str, str], context: Any) -> bytes:
        given = sent.get(REQUEST_ID.decode())
        head = {REQUEST_ID: given.encode()} if given else {}
        is_probe = PROBE_HEADER in sent and is_own_machine(context.peer())
        answered = await self._application.answer(body, self._inference.read, head, is_probe=is_probe)
        named = (REQUEST_ID.decode(), answered.request_id)
        if answered.answer is None:
            if answered.refused is not None:
                await self._refuse(context, answered.refused, named)
            await self._abort(context, "INTERNAL", _DEFECT, named)
        assert answered.answer is not None
        await context.send_initial_metadata((named, self._version))
        return answered.answer.body


def _written(message: str, **fields: Any) -> bytes:
    from mlops.workloads.serving.inference_messages import message_class

    written: bytes = message_class(message)(**fields).SerializeToString()
    return written


def _said(refused: BadRows) -> str:
    """Return every problem in one text, each with its row and its column."""
    if refused.problems[0]["row"] is None:
        return sentence_of(refused)
    return "invalid rows: " + "; ".join(
        f"row {one['row']}{', ' + one['column'] if one['column'] else ''}: {one['problem']}" for one in refused.problems
    )


def grpc_server_of(application: Application, where: str, key: KeyFile | None = None) -> GrpcServer | None:
    """Return what answers over gRPC, where the package says that something does. Ends the process where a library is missing."""
    if not application.speaks_grpc:
        return None
    try:
        return GrpcServer(application, where, key)
    except ImportError as error:
        sys.exit(
            f"Error: the package says `api: {{grpc: true}}`, and {error.name} is not installed; install mlops[grpc]."
        )
