"""Be the target `local`.

Lives here: LocalTarget.
Not here: what it does for each kind (stack, endpoint, monitor).
Law: nothing of a kind is imported before a resource of that kind is met.
"""

from __future__ import annotations

from mlops.config.project import LoadedResource
from mlops.targets.target import Hosted, Schedules, Target


class LocalTarget(Target):
    """This machine: a supervisor that keeps processes, and a gateway before them."""

    carries_on = True

    def stack(self) -> Hosted:
        from mlops.targets.local.stack import LocalStack

        return LocalStack(self.context)

    def endpoint(self) -> Hosted:
        from mlops.targets.local.endpoint import LocalEndpoint

        return LocalEndpoint(self.context)

    def monitor(self, stack: str, dataset: LoadedResource | None) -> Hosted:
        from mlops.targets.local.monitor import LocalMonitor

        return LocalMonitor(self.context, dataset)

    def schedules(self, stack: str) -> Schedules:
        from mlops.targets.local.batch import LocalSchedules

        return LocalSchedules(self.context, stack)

    def extras(self) -> tuple[str, ...]:
        return ("local",)
