"""Ask Evidently which columns of windows drifted: python peer_evidently.py FOLDER, in an environment that has it.

Lives here: a script that reads training.parquet and window-*.parquet, and prints a JSON list of the columns of each window.
Not here: making windows (drift).
Law: its defaults decide, as they do for a user who sets nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

folder = Path(sys.argv[1])
training = pd.read_parquet(folder / "training.parquet")
texts = [name for name in training.columns if training[name].dtype == object]
shape = DataDefinition(
    numerical_columns=[name for name in training.columns if name not in texts], categorical_columns=texts
)
reference = Dataset.from_pandas(training, data_definition=shape)
found = []
for path in sorted(folder.glob("window-*.parquet")):
    run = Report([DataDriftPreset()]).run(Dataset.from_pandas(pd.read_parquet(path), data_definition=shape), reference)
    moved = []
    for metric in run.dict()["metrics"]:
        config = metric.get("config", {})
        if "column" not in config:
            continue
        value, threshold = metric["value"], config.get("threshold", 0.05)
        method = str(config.get("method", ""))
        drifted = value < threshold if "p_value" in method else value >= threshold
        if drifted:
            moved.append(config["column"])
    found.append(moved)
print(json.dumps(found))
