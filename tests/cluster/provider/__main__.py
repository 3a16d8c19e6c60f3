"""`pulumi-resource-kubernetes`, the tests' own.

Lives here: which service the process offers, and what it loads early.
Not here: the process (plugin), the protocol (servicer).
Law: the port is said before anything of Kubernetes is imported.
"""

from __future__ import annotations

import os
from importlib import import_module

from tests.cluster.plugin import serve
from tests.cluster.provider.quick import hollow

hollow("pulumi", "pulumi.runtime", "pulumi.runtime.proto")
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server  # noqa: E402

from tests.cluster.provider.servicer import Servicer  # noqa: E402

if __name__ == "__main__":
    servicer = Servicer(os.environ.get("MLOPS_PROVIDER_VERSION", ""))
    serve(
        lambda server: add_ResourceProviderServicer_to_server(servicer, server), threads=32,
        then=lambda: import_module("tests.cluster.provider.cluster"),
    )  # fmt: skip
