"""Say what one search is.

Lives here: Search, read from params/ and the data.
Not here: running it (tune), one trial (trial).
Law: a search is told from another by everything that its trials depend on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from mlops.config.schema.model import Model
from mlops.config.schema.tuning import Tune
from mlops.contracts.names import ONLY_HOW_MANY
from mlops.contracts.stage_params import TrainParams
from mlops.workloads.stage import failed, read_params
from mlops.workloads.tuning.ledger import Ledger, best_of
from mlops.workloads.tuning.study import SECONDS, StudyDirection, finished, open_study
from mlops.workloads.tuning.trial import SEEN, SearchObjective, objectives_of


@dataclass(frozen=True)
class Search:
    """`inputs`: the model's, without the search. `question`: the digest of all that its trials depend on. `asked`: that of what asks
    for another search when it changes."""

    name: str
    tune: Tune
    inputs: Mapping[str, Any]
    objectives: tuple[SearchObjective, ...]
    searched: Mapping[str, Any]
    question: str
    asked: str
    root: Path
    budget: float | None = None
    """Seconds that the workers may take side by side."""

    @classmethod
    def of(cls, name: str, root: Path) -> Search:
        """Raises MlopsError for parameters that are not there, or an objective that the task does not have."""
        params = read_params("model", name)
        asked, inputs = params["tune"], TrainParams.of(params["train"]).spec
        searched = Tune.model_validate(asked["tune"])
        try:
            budget = searched.seconds_within(asked.get("price"))
        except ValueError as error:
            raise failed("budget has no price", str(error)) from error
        spec = Model.model_validate(inputs)
        data = [_digest(root / "data" / spec.dataset / f"{split}.parquet") for split in SEEN]
        choosing = {key: value for key, value in asked["tune"].items() if key not in ONLY_HOW_MANY}
        objectives = objectives_of(searched, spec.task)
        priceless = {
            key: value for key, value in asked.items() if key != "price"
        }  # it changes how many trials there are
        question = _digest_of([{**priceless, "tune": choosing}, inputs, data])
        return cls(name, searched, inputs, objectives, asked["tune"], question, _digest_of([asked, data]), root, budget)

    @property
    def folder(self) -> Path:
        return self.root / ".mlops" / "tuning" / self.name

    @property
    def file(self) -> Path:
        """Return where the trials of this search are kept while it goes on."""
        return self.folder / f"{self.question}.journal"

    @property
    def ledger_file(self) -> Path:
        return self.root / "tuning" / "model" / f"{self.name}.json"

    @property
    def directions(self) -> list[StudyDirection]:
        return [one.direction for one in self.objectives]

    def ledger(self, first: list[Mapping[str, Any]]) -> Ledger:
        return Ledger(self.objectives, self.searched, self.question, self.asked, first)

    def study(self) -> optuna.Study:
        return open_study(self.file, self.tune, self.directions)

    def is_spent(self, trials: list[FrozenTrial]) -> bool:
        """Say whether the time is over; one trial is run whatever it takes."""
        seconds = sum(one.user_attrs.get(SECONDS, 0.0) for one in trials)
        return bool(trials) and self.budget is not None and seconds / self.tune.parallel >= self.budget

    def so_far(self, study: optuna.Study) -> tuple[str, float]:
        """Return a line for people, and the share of the trials that is done."""
        ended = finished(study)
        best = best_of(ended, self.objectives)
        words = f", best {self.objectives[0].name} {best.values[0]:.4g}" if best else ""
        return f"trial {len(ended)} of {self.tune.trials}{words}", min(0.99, len(ended) / self.tune.trials)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
