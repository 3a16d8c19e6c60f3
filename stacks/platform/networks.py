"""Say who may reach whom.

Lives here: draw_networks, the NetworkPolicies of a namespace.
Not here: those of one training's pods (training).
Law: what is not said is refused: in and out.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from mlops.contracts.names import LABEL_COMPONENT, LABEL_OWNER, OWNER, PORT
from mlops.contracts.platform import PlatformInputs
from stacks.objects.api import (
    LabelSelectorRequirementArgsDict,
    NetworkPolicy,
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicyPeerArgsDict,
    NetworkPolicySpecArgsDict,
)
from stacks.objects.placement import Identity, Placement

_NAMESPACE = "kubernetes.io/metadata.name"


def draw_networks(
    inputs: PlatformInputs, place: Placement, identity: Identity, options: pulumi.ResourceOptions
) -> None:
    def policy(
        name: str,
        pods: dict[str, str],
        ingress: Sequence[NetworkPolicyIngressRuleArgsDict] = (),
        egress: Sequence[NetworkPolicyEgressRuleArgsDict] = (),
    ) -> None:
        spec: NetworkPolicySpecArgsDict = {
            "pod_selector": {"match_labels": pods} if pods else {},
            "policy_types": ["Ingress", "Egress"],
        }
        if ingress:
            spec["ingress"] = list(ingress)
        if egress:
            spec["egress"] = list(egress)
        NetworkPolicy(f"network/{name}", metadata=place.metadata(f"mlops-{name}", identity), spec=spec, opts=options)

    # In a namespace that was there before, pods of others go on talking as they did.
    policy("default", {LABEL_OWNER: OWNER} if inputs.adopt else {})
    policy("training", {LABEL_COMPONENT: "training"}, egress=[_names(), _out(inputs.blocked)])
    policy("watching", {LABEL_COMPONENT: "watching"}, egress=[_names(), _out(inputs.blocked)])
    policy(
        "serving",
        {LABEL_COMPONENT: "serving"},
        ingress=[{"from_": _askers(inputs), "ports": [{"port": PORT, "protocol": "TCP"}]}],
        egress=[_names()],
    )


def _askers(inputs: PlatformInputs) -> list[NetworkPolicyPeerArgsDict]:
    peers: list[NetworkPolicyPeerArgsDict] = [{"pod_selector": {"match_labels": {LABEL_COMPONENT: "watching"}}}]
    if inputs.gateway_namespace:
        peers.append({"namespace_selector": {"match_labels": {_NAMESPACE: inputs.gateway_namespace}}})
    else:
        others: LabelSelectorRequirementArgsDict = {
            "key": LABEL_COMPONENT,
            "operator": "NotIn",
            "values": ["training", "serving"],
        }
        peers.append({"pod_selector": {"match_expressions": [others]}})
    if inputs.metrics_namespace:
        peers.append({"namespace_selector": {"match_labels": {_NAMESPACE: inputs.metrics_namespace}}})
    return peers


def _names() -> NetworkPolicyEgressRuleArgsDict:
    """Allow questions to the cluster's DNS."""
    return {
        "to": [{"namespace_selector": {"match_labels": {_NAMESPACE: "kube-system"}}}],
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    }


def _out(blocked: Sequence[str]) -> NetworkPolicyEgressRuleArgsDict:
    """Allow all networks and pods but for `blocked`, by default the cloud's own about the node and its credentials."""

    def block(network: str) -> NetworkPolicyPeerArgsDict:
        inside = [one for one in blocked if (":" in one) == (":" in network)]
        return {"ip_block": {"cidr": network, "except_": inside}} if inside else {"ip_block": {"cidr": network}}

    return {"to": [block("0.0.0.0/0"), block("::/0"), {"namespace_selector": {}}]}
