"""Run the stages of a pod.

Lives here: PodRun: pull, run, push.
Not here: what the pod is given (pod_settings), the last word (report).
Law: each stage is run by DVC, or under torchrun and then written down by DVC; the first pod alone writes and pushes.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.contracts.pod import DVC_CONFIG, SEARCH_PORT
from mlops.errors import FileLocation, MlopsError, Problem, ToolFailed
from mlops.workloads.pod.barrier import hold, stay
from mlops.workloads.pod.child import child_environment, run_child
from mlops.workloads.pod.kept import KeptFile
from mlops.workloads.pod.pod_settings import PodSettings
from mlops.workloads.stage import PROBLEMS, say

_TRIES = 3
_PAUSE = 5.0
_EACH_LEDGER = 15.0
"""Seconds between two looks at the ledger of a search."""
_JOIN = 3600
"""Seconds that pods wait for each other: nodes with GPUs may have to be bought first."""


@dataclass
class PodRun:
    """Runs the stages of a pod.

    `done`: the stages that were finished, and whose outputs others can get. `root`: the working directory.
    """

    pod: PodSettings
    root: Path
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.root / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
        if text := os.environ.pop(DVC_CONFIG, None):
            path = self.root / ".dvc" / "config.local"
            path.touch(mode=0o600)
            path.write_text(text)
        self.env = child_environment(self.root)
        if not self.pod.is_spread or self.searches:
            # A pod trains with what it has, whatever the model would use on a machine of its own.
            self.env |= {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}
        if self.searches and self.pod.place.pods > 1:
            self.env[SEARCH_PORT] = str(self.pod.place.port)

    def pull(self) -> None:
        """Get the outputs of other stages that are not there."""
        missing = [dep for dep in self.pod.work.deps if not (self.root / dep).exists()]
        if missing:
            say(f"pulling {', '.join(missing)}")
            self._patiently("pull", *missing)

    def run(self) -> None:
        """Run the stages. Raises MlopsError with the problems that a stage wrote down, and ToolFailed for all else, which a
        retry may mend."""
        if not self.pod.is_first:
            self._take_part()
            return
        with contextlib.ExitStack() as until_pushed:
            for stage in self.pod.work.stages:
                if self._is_spread(stage):
                    self._train_together(stage)
                    if self.pod.place.pods > 1:
                        until_pushed.enter_context(hold(self.pod.place.port, self.pod.place.pods - 1))
                    self._dvc("commit", "--force", stage)
                else:
                    with self._problems_of(stage), self._checkpoint_of(stage):
                        self._dvc("repro", "--single-item", stage)
                self.done.append(stage)
            self.push()

    def push(self) -> None:
        """Give away what the finished stages made."""
        if self.done:
            say(f"pushing what {', '.join(self.done)} made")
            try:
                self._patiently("push", *self.done)
            except ToolFailed:
                self.done.clear()
                raise

    def entries(self) -> dict[str, Any]:
        """Return what dvc.lock says of the finished stages."""
        from ruamel.yaml import YAML

        locked: Mapping[str, Any] = YAML(typ="safe", pure=True).load(self.root / "dvc.lock")["stages"]
        return {stage: locked[stage] for stage in self.done}

    @property
    def searches(self) -> bool:
        """Say whether the pods run trials of a search, each on its own."""
        return all(stage.startswith("tune@") for stage in self.pod.work.stages)

    def _is_spread(self, stage: str) -> bool:
        return self.pod.is_spread and stage.startswith("train@")

    def _checkpoint_of(self, stage: str) -> contextlib.AbstractContextManager[None]:
        """Keep the checkpoint of a training for the pod after this one, if its node is taken away."""
        kind, _, name = stage.partition("@")
        if kind == "tune":
            return KeptFile(self.root, name, "ledger", f"tuning/model/{name}.json", every=_EACH_LEDGER).keeping()
        path = f".mlops/checkpoints/{name}"
        return KeptFile(self.root, name, "checkpoint", path).keeping() if kind == "train" else contextlib.nullcontext()

    def _take_part(self) -> None:
        for stage in self.pod.work.stages if self.searches else ():
            place = self.pod.place
            words = ["-m", "mlops.workloads.tuning.joined", stage.partition("@")[2], place.coordinator, str(place.port)]
            with self._problems_of(stage):
                run_child([sys.executable, *words], self.env)
        for stage in filter(self._is_spread, self.pod.work.stages):
            self._train_together(stage)
            stay(self.pod.coordinator, self.pod.place.port)

    def _train_together(self, stage: str) -> None:
        place, (script, _, name) = self.pod.place, stage.partition("@")
        kept = self._checkpoint_of(stage) if self.pod.is_first else contextlib.nullcontext()
        with self._problems_of(stage), kept:
            run_child(
                [
                    sys.executable, "-m", "torch.distributed.run", "--nnodes", str(place.pods), "--node-rank", str(place.index),
                    "--nproc-per-node", str(self.pod.processes), "--rdzv-conf", f"timeout={_JOIN}",
                    "--master-addr", self.pod.coordinator, "--master-port", str(place.port), f"pipelines/{script}.py", name,
                ],
                self.env,
            )  # fmt: skip

    def _dvc(self, *words: str) -> None:
        run_child([sys.executable, "-m", "dvc", *words], self.env)

    def _patiently(self, *words: str) -> None:
        """Run DVC, and again where it fails: the network may be back, and what was transferred is not transferred again."""
        for left in reversed(range(_TRIES)):
            try:
                return self._dvc(*words)
            except ToolFailed:
                if not left:
                    raise
                say(f"dvc {words[0]} failed; trying again in {_PAUSE:.0f} s")
                time.sleep(_PAUSE)
        return None

    @contextlib.contextmanager
    def _problems_of(self, stage: str) -> Any:
        """Raise the problems that the stage wrote down in place of its failure, if it wrote any."""
        path = Path(self.env[PROBLEMS])
        path.unlink(missing_ok=True)
        try:
            yield
        except ToolFailed as error:
            try:
                problems: list[dict[str, Any]] = json.loads(path.read_text())
            except (OSError, ValueError):
                raise error from None
            raise MlopsError(*map(_problem, problems)) from error


def _problem(problem: Mapping[str, Any]) -> Problem:
    source = problem.get("source")
    return Problem(**{**problem, "source": FileLocation(**source) if source else None})
