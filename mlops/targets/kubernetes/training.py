"""Train on a cluster.

Lives here: ClusterTraining: the stages of one model as one Job, by stacks/training; what it gives is written into dvc.lock.
Not here: the pod's own work (workloads.pod), what must run (kinds.stages).
Law: a pod gets its data by digest and gives its outputs by digest; what it reports is what is pinned.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.context.context import Context
from mlops.contracts.codec import to_env
from mlops.contracts.names import GPU_RESOURCE
from mlops.contracts.pod import PodWork
from mlops.contracts.training_job import TrainingInputs
from mlops.engine.resource import Action, Step
from mlops.errors import MlopsError, ToolFailed
from mlops.targets.kubernetes.cluster_context import ClusterContext, cluster_context_of, program_inputs
from mlops.targets.kubernetes.preflight import amount, answers, gpus_of, quota_of, rights_of
from mlops.targets.kubernetes.workspace import workspace_files, workspace_secrets
from mlops.tools.cluster import Object
from mlops.tools.dvc.reader import read_stages
from mlops.tools.dvc.remote import Remote, locked_outs
from mlops.tools.dvc.report import take_report

_POD_FIELDS = ("pods", "gpus", "product", "cpu", "memory", "spot", "time_limit", "retries")
_CREDENTIALS = re.compile(r"AWS_\w+|AZURE_\w+|GOOGLE_APPLICATION_CREDENTIALS_DATA|DVC_\w*(TOKEN|PASSWORD)\w*")
_POLL = 0.5
_REFUSED = 20.0
"""Seconds after which pods that the API server refuses count as refused for good."""
_COMMAND = ["python3", "-m", "mlops.workloads.pod"]


@dataclass(frozen=True)
class ClusterTraining:
    """`stack`: where stages run in this environment."""

    context: Context
    stack: str

    def obstacles(self, name: str) -> tuple[str, ...]:
        """Say why a training of this model could not start as things stand."""
        cluster = self._cluster()
        try:
            cluster.client.version()
        except ToolFailed as error:
            return (error.problems[0].detail,)
        terms = self._terms(name)
        pods, gpus = max(int(terms["pods"]), self._searchers(name)), int(terms["gpus"])
        asked = {
            f"requests.{GPU_RESOURCE}": float(pods * gpus), "requests.cpu": pods * amount(terms["cpu"]),
            "requests.memory": pods * amount(terms["memory"]), "pods": float(pods),
        }  # fmt: skip
        remote = () if self.context.remote is not None else (
            f"Stages run on stack.{self.stack}, and pods get data and give outputs through a DVC remote, which this project "
            "has not. Say `storage: {remote: …}` in conf/project.yaml, or: dvc remote add -d NAME URL",
        )  # fmt: skip
        wanted = {key: value for key, value in asked.items() if value}
        return (
            *remote,
            *answers(
                rights_of(cluster, "training"), gpus_of(cluster, count=gpus, pods=pods, product=terms["product"]),
                quota_of(cluster, wanted, limit=self._limit()),
            ),
        )  # fmt: skip

    def notes(self, name: str, accelerator: str) -> str:
        terms = self._terms(name)
        gpus = f", {terms['gpus']} × {terms['product'] or 'GPU'} each" if terms["gpus"] else ""
        gpus += f", and idle: trainer.accelerator is {accelerator}" if gpus and accelerator == "cpu" else ""
        searching = self._searchers(name)
        search = f"{searching} pods for the trials of the search, then " if searching > 1 else ""
        return f"on stack.{self.stack}: {search}{terms['pods']} pod{'' if terms['pods'] == 1 else 's'}{gpus}"

    def run(self, step: Step, stages: Sequence[str], deps: Sequence[str]) -> None:
        """Raises MlopsError with the stage's own problems, or with what the cluster said of its pods. Trials side by side are a
        job of their own, with a pod for each."""
        name = step.address.name
        pods, searching, search = int(self._terms(name)["pods"]), self._searchers(name), f"tune@{name}"
        if search in stages and max(searching, pods) > 1:
            known, rest = read_stages(self.context.root), [stage for stage in stages if stage != search]
            self._run_job(step, [search], [dep for dep in known[search].deps if dep in deps], searching)
            made = {out.path for stage in rest for out in known[stage].outs}
            makers = {out.path for stage in known.values() for out in stage.outs}
            read = {dep for stage in rest for dep in known[stage].deps if dep in makers}
            stages, deps = rest, sorted(read - made)
        if stages:
            self._run_job(step, stages, deps, pods)

    def _searchers(self, name: str) -> int:
        """Return how many trials of a search run at once."""
        model = self.context.resources.get(Address("model", name))
        return int((model.inputs.get("tune") or {}).get("parallel", 1)) if model else 1

    def _run_job(self, step: Step, stages: Sequence[str], deps: Sequence[str], pods: int) -> None:
        cluster, name = self._cluster(), step.address.name
        step.say("pushing data to the remote", 0.02)
        self._remote.push(locked_outs(self.context.root, self._makers(deps)), again=True)
        inputs = program_inputs(lambda: self._inputs(cluster, name, stages, deps, pods))
        program = cluster.program("training", name)
        if step.action is Action.REPLACE or self._has_failed(cluster, inputs["job"]):
            program.destroy()
        step.say(f"starting job {inputs['job']}", 0.05)
        program.up(inputs, self._secrets(inputs.get("secrets", ())), lambda line: step.say(line, None), refresh=True)
        report = _Watch(cluster, inputs["job"], int(inputs.get("pods", 1)), self.log(name), step.say).wait()
        take_report(self._remote, report, step.say)

    def forget(self, name: str) -> None:
        self._cluster().program("training", name).destroy()

    def _has_failed(self, cluster: ClusterContext, job: str) -> bool:
        """A job of this name is over: what it is made from is the same, and somebody wants it tried again."""
        found = cluster.client.one("Job", cluster.namespace, job)
        return found is not None and "Failed" in _conditions(found)

    def log(self, name: str) -> Path:
        return self.context.paths.training_log(name)

    @property
    def _remote(self) -> Remote:
        remote = self.context.remote
        assert remote is not None  # without one, `obstacles` has kept the plan from being applied
        return remote

    def _cluster(self) -> ClusterContext:
        return cluster_context_of(self.context, self.stack)

    def _terms(self, name: str) -> dict[str, Any]:
        training: Any = self.context.settings.training
        of_model = training.models.get(name, {})
        terms = {field: training[field] for field in _POD_FIELDS}
        return terms | {field: of_model[field] for field in of_model if of_model[field] is not None}

    def _limit(self) -> dict[str, Any]:
        """What the plan makes of the quota."""
        quota = self._cluster().stack.quota
        limits: dict[str, Any] = {f"requests.{GPU_RESOURCE}": quota.gpus, "pods": quota.pods}
        limits |= {"requests.cpu": quota.cpu, "requests.memory": quota.memory}
        return {key: value for key, value in limits.items() if value is not None}

    def _makers(self, deps: Sequence[str]) -> list[str]:
        return [
            name
            for name, stage in read_stages(self.context.root).items()
            if {out.path for out in stage.outs} & set(deps)
        ]

    def _inputs(
        self, cluster: ClusterContext, name: str, stages: Sequence[str], deps: Sequence[str], pods: int
    ) -> TrainingInputs:
        """Return what stacks/training is given. Raises ValueError. The job's name has the digest of all that it is made from."""
        terms = {**self._terms(name), "pods": pods}
        files = workspace_files(self.context.root, name, self._remote.settings)
        env = to_env(PodWork(stages=tuple(stages), deps=tuple(deps)), "stages", "deps")
        locked = [
            self.context.hashes.tree(self.context.root / dep) for dep in deps if (self.context.root / dep).exists()
        ]
        image = cluster.stack.images.training
        assert image is not None  # a stack without one was refused for stages
        identity = json.dumps([files, env, locked, image, terms], sort_keys=True)
        digest = hashlib.sha256(identity.encode()).hexdigest()[:10]
        return TrainingInputs(
            **cluster.common, name=name, job=f"{name[:40]}-{digest}", image=image, command=tuple(_COMMAND),
            **{key: terms[key] for key in ("pods", "gpus", "product", "cpu", "memory", "spot", "retries")},
            time_limit=round(terms["time_limit"]), priority_class=cluster.priority("training"), pod=cluster.pods("training"),
            files=files, env=env, secrets=tuple(sorted(self._credentials())),
        )  # fmt: skip

    def _credentials(self) -> dict[str, str]:
        """For the remote: what .dvc/config.local holds, what the project declares and, where the pods have no identity of their
        own, what clouds' libraries look for in the environment."""
        has_identity = bool(self._cluster().stack.accounts.annotations.training)
        named = (
            {} if has_identity else {name: value for name, value in os.environ.items() if _CREDENTIALS.fullmatch(name)}
        )
        return {**named, **workspace_secrets(self._remote.settings), **self._remote.secrets()}

    def _secrets(self, names: Sequence[str]) -> dict[str, str]:
        known = self._credentials()
        return {name: known[name] for name in names}


@dataclass
class _Watch:
    """Follow a Job to its end."""

    cluster: ClusterContext
    job: str
    pods: int
    log: Path
    say: Callable[[str, float | None], None]

    def wait(self) -> Mapping[str, Any]:
        """What the first pod reported, its problems too. Raises ToolFailed where it reported nothing."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_text("")
        shown_events: set[str] = set()
        shown, started = 0, time.monotonic()
        while True:
            job = self.cluster.client.one("Job", self.cluster.namespace, self.job)
            if job is None:
                raise MlopsError.of(
                    "job is gone", f"Job {self.job} was deleted in the cluster while it ran. Apply again."
                )
            conditions = _conditions(job)
            shown = self._copy_log(shown)
            if "Complete" in conditions:
                return self._report()
            if "Failed" in conditions:
                report = self._last_word()
                if not report.get("problems"):
                    raise self._failed(conditions["Failed"])
                return report
            self._show_events(shown_events)
            if time.monotonic() - started > _REFUSED and (refusal := self._refusal()):
                raise ToolFailed.of("cluster refuses the pods", f"Job {self.job} cannot start its pods: {refusal}")
            time.sleep(_POLL)

    def _refusal(self) -> str | None:
        """Say why the API server lets none of its pods in, such as a quota."""
        if self._first() is not None:
            return None
        events = self.cluster.client.events(self.cluster.namespace, self.job)
        return next((event for event in reversed(events) if event.startswith("FailedCreate")), None)

    def _first(self) -> Object | None:
        """The newest pod of index 0."""
        labels = f"batch.kubernetes.io/job-name={self.job},batch.kubernetes.io/job-completion-index=0"
        found = self.cluster.client.all("Pod", self.cluster.namespace, labels=labels)
        return max(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)

    def _copy_log(self, shown: int) -> int:
        pod = self._first()
        if pod is None:
            return shown
        try:
            text = self.cluster.client.log(self.cluster.namespace, pod["metadata"]["name"], lines=100_000)
        except ToolFailed:
            return shown
        if len(text) > shown:
            with self.log.open("a") as file:
                file.write(text[shown:])
            lines = [line for line in text[shown:].splitlines() if line.strip()]
            if lines:
                self.say(lines[-1][:160], None)
        return max(shown, len(text))

    def _show_events(self, shown: set[str]) -> None:
        """What keeps it from starting is said while it waits."""
        pod = self._first()
        events = self._events(pod["metadata"]["name"] if pod else None)
        for event in events[-1:]:
            if event not in shown:
                shown.add(event)
                self.say(event[:200], None)

    def _events(self, pod: str | None) -> list[str]:
        names = [self.job, *([pod] if pod else [])]
        return [event for name in names for event in self.cluster.client.events(self.cluster.namespace, name)]

    def _message(self) -> str:
        pod = self._first()
        statuses = (pod or {}).get("status", {}).get("containerStatuses") or []
        for one in statuses:
            ended = (one.get("state") or {}).get("terminated") or {}
            if ended.get("message"):
                return str(ended["message"])
        return ""

    def _report(self) -> Mapping[str, Any]:
        report = self._last_word()
        if not report:
            raise ToolFailed.of(
                "pod reported nothing",
                f"Job {self.job} ended well, and its first pod left no report in its termination message. Its image must run "
                f"`{' '.join(_COMMAND)}`: see `images.training` of stack.{self.cluster.stack_name}.",
            )
        return report

    def _last_word(self) -> Mapping[str, Any]:
        """The first pod's last word; empty where it left none."""
        try:
            report = json.loads(self._message())
        except ValueError:
            return {}
        return report if isinstance(report, dict) else {}

    def _failed(self, condition: Mapping[str, Any]) -> MlopsError:
        pod = self._first()
        lines = self._events(pod["metadata"]["name"] if pod else None)[-6:]
        lines += self.log.read_text(errors="replace").splitlines()[-15:]
        said = "\n".join(lines)
        return ToolFailed.of(
            "training failed on the cluster",
            f"Job {self.job}: {condition.get('reason')}: {condition.get('message')}\nWhat its pods and the cluster said:\n{said}",
        )


def _conditions(job: Object) -> dict[str, Mapping[str, Any]]:
    """Return the conditions that are true, by their type."""
    conditions = (job.get("status") or {}).get("conditions") or []
    return {one["type"]: one for one in conditions if one["status"] == "True"}
