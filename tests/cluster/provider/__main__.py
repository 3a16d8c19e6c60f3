"""`pulumi-resource-kubernetes`, the tests' own.

Lives here: which service the process offers, and what it loads early.
Not here: the process (plugin), the protocol (servicer).
Law: the port is said before anything of Kubernetes is imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module

import grpc

from tests.cluster.plugin import serve
from tests.cluster.provider.quick import hollow

hollow("pulumi", "pulumi.runtime", "pulumi.runtime.proto")
from pulumi.runtime.proto import engine_pb2  # noqa: E402
from pulumi.runtime.proto.engine_pb2_grpc import EngineStub  # noqa: E402
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server  # noqa: E402

from tests.cluster.provider.servicer import Servicer  # noqa: E402


def logger(engine: str) -> Callable[[str, str], None]:
    stub = EngineStub(grpc.insecure_channel(engine))

    def log(urn: str, text: str) -> None:
        stub.Log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=text, urn=urn))

    return log


if __name__ == "__main__":
    servicer = Servicer(os.environ.get("MLOPS_PROVIDER_VERSION", ""), logger(sys.argv[-1]))
    serve(
        lambda server: add_ResourceProviderServicer_to_server(servicer, server), threads=32,
        then=lambda: import_module("tests.cluster.provider.cluster"),
    )  # fmt: skip
