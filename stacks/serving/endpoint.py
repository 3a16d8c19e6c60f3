"""Serve one endpoint: its versions beside each other, and the route that shares the traffic out.

Lives here: serve and the objects that versions share: the route and the secret.
Not here: the objects of one version (version), who moves the weights (mlops).
Law: the route names only versions whose Service is there; a version goes only after the route has left it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from mlops.contracts.codec import to_json
from mlops.contracts.names import PORT
from mlops.contracts.serving_pods import ROLLOUT_STATE, EndpointState, ServingInputs
from stacks.objects.api import CustomResource, Secret
from stacks.objects.inputs import Secrets
from stacks.objects.placement import Identity, Placement
from stacks.serving.version import add_version


def serve(inputs: ServingInputs, place: Placement, secrets: Secrets) -> dict[str, Any]:
    """Return the outputs: `rollout_state`, what is there; `url`, where the hostname is known."""
    identity = Identity(inputs.name, inputs.name, "serving")
    before: list[pulumi.Resource] = []
    if inputs.secrets:
        before.append(
            Secret(
                f"secret/{inputs.name}",
                metadata=place.metadata(inputs.name, identity),
                data=secrets.data(),
                opts=place.options(),
            )
        )
    services = [add_version(inputs, version, place, before) for version in sorted(inputs.versions)]
    weights = {version: weight for version, weight in sorted(inputs.weights.items()) if weight}
    if weights:
        _route(inputs, weights, place, identity, services)
    versions = dict(sorted(inputs.versions.items()))
    state = EndpointState(live=inputs.live, next=inputs.next, versions=versions, weights=weights)
    host = inputs.parent.hostname
    url = {"url": f"{inputs.parent.scheme}://{host}/{inputs.name}"} if host else {}
    return {ROLLOUT_STATE: to_json(state), **url}


def _route(
    inputs: ServingInputs,
    weights: dict[str, int],
    place: Placement,
    identity: Identity,
    services: Sequence[pulumi.Resource],
) -> None:
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": inputs.parent.name}
    if inputs.parent.namespace:
        parent["namespace"] = inputs.parent.namespace
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": f"/{inputs.name}"}}],
        "filters": [
            {
                "type": "URLRewrite",
                "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
            }
        ],
        "backendRefs": [
            {"group": "", "kind": "Service", "name": f"{inputs.name}-{version}", "port": PORT, "weight": weight}
            for version, weight in weights.items()
        ],
    }
    CustomResource(
        f"route/{inputs.name}",
        api_version="gateway.networking.k8s.io/v1",
        kind="HTTPRoute",
        metadata=place.metadata(inputs.name, identity),
        spec={
            "parentRefs": [parent],
            "rules": [rule],
            **({"hostnames": [inputs.parent.hostname]} if inputs.parent.hostname else {}),
        },
        opts=place.options(after=services),
    )
