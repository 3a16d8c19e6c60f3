"""Name the objects of Kubernetes that the programs make.

Lives here: the classes and typed dictionaries of pulumi_kubernetes, imported in one place.
Not here: any object.
Law: nothing else imports pulumi_kubernetes. It loads its parts at their first use, and two threads that use one at once
get half of it (`pulumi_kubernetes.apps has no attribute v1`); the import of this module is under Python's lock.
"""

from pulumi_kubernetes import Provider
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict
from pulumi_kubernetes.autoscaling.v2 import (
    HorizontalPodAutoscaler,
    MetricSpecArgsDict,
    MetricTargetArgsDict,
)
from pulumi_kubernetes.batch.v1 import (
    CronJob,
    Job,
    JobSpecArgsDict,
    PodFailurePolicyArgsDict,
)
from pulumi_kubernetes.core.v1 import (
    AffinityArgsDict,
    ConfigMap,
    ContainerArgsDict,
    EnvVarArgsDict,
    HTTPGetActionArgsDict,
    LimitRange,
    Namespace,
    NamespacePatch,
    NodeAffinityArgsDict,
    PersistentVolumeClaim,
    PodAffinityArgsDict,
    PodAffinityTermArgsDict,
    PodSpecArgsDict,
    PodTemplateSpecArgsDict,
    ProbeArgsDict,
    ResourceQuota,
    ResourceRequirementsArgsDict,
    Secret,
    Service,
    ServiceAccount,
    TolerationArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorRequirementArgsDict, ObjectMetaArgsDict
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicyPeerArgsDict,
    NetworkPolicySpecArgsDict,
)
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget
from pulumi_kubernetes.scheduling.v1 import PriorityClass

__all__ = [
    "AffinityArgsDict",
    "ConfigMap",
    "ContainerArgsDict",
    "CronJob",
    "CustomResource",
    "Deployment",
    "DeploymentSpecArgsDict",
    "EnvVarArgsDict",
    "HTTPGetActionArgsDict",
    "HorizontalPodAutoscaler",
    "Job",
    "JobSpecArgsDict",
    "LabelSelectorRequirementArgsDict",
    "LimitRange",
    "MetricSpecArgsDict",
    "MetricTargetArgsDict",
    "Namespace",
    "NamespacePatch",
    "NetworkPolicy",
    "NetworkPolicyEgressRuleArgsDict",
    "NetworkPolicyIngressRuleArgsDict",
    "NetworkPolicyPeerArgsDict",
    "NetworkPolicySpecArgsDict",
    "NodeAffinityArgsDict",
    "ObjectMetaArgsDict",
    "PersistentVolumeClaim",
    "PodAffinityArgsDict",
    "PodAffinityTermArgsDict",
    "PodDisruptionBudget",
    "PodFailurePolicyArgsDict",
    "PodSpecArgsDict",
    "PodTemplateSpecArgsDict",
    "PriorityClass",
    "ProbeArgsDict",
    "Provider",
    "ResourceQuota",
    "ResourceRequirementsArgsDict",
    "Secret",
    "Service",
    "ServiceAccount",
    "TolerationArgsDict",
    "TopologySpreadConstraintArgsDict",
    "VolumeArgsDict",
    "VolumeMountArgsDict",
]
