"""Be the target `kubernetes`.

Lives here: KubernetesTarget.
Not here: what it does for each kind (stack, endpoint, monitor, training).
Law: nothing of a cluster is imported before a resource on one is met.
"""

from __future__ import annotations

from mlops.config.project import LoadedResource
from mlops.targets.target import Hosted, Target, Training


class KubernetesTarget(Target):
    """A namespace of a cluster, through Pulumi."""

    def stack(self) -> Hosted:
        from mlops.targets.kubernetes.stack import ClusterStack

        return ClusterStack(self.context)

    def endpoint(self) -> Hosted:
        from mlops.targets.kubernetes.endpoint import ClusterEndpoint

        return ClusterEndpoint(self.context)

    def monitor(self, stack: str, dataset: LoadedResource | None) -> Hosted:
        from mlops.targets.kubernetes.monitor import ClusterMonitor

        return ClusterMonitor(self.context, stack, dataset)

    def training(self, stack: str) -> Training | None:
        from mlops.targets.kubernetes.training import ClusterTraining

        return ClusterTraining(self.context, stack)

    def extras(self) -> tuple[str, ...]:
        return ("kubernetes",)

    def missing_tools(self) -> tuple[tuple[str, str, str], ...]:
        from mlops.tools.pulumi import MISSING, find_command

        return (("pulumi", find_command() or "", MISSING),)
