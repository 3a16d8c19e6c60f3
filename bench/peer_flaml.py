"""Have FLAML learn a table: python peer_flaml.py FOLDER TASK SECONDS, in an environment that has flaml[automl].

Lives here: a script that reads train.parquet and test.parquet, and writes predictions.npy: chances or numbers, a row for each of test.
Not here: the tables, and what is measured of the predictions (automl).
Law: its defaults decide, as they do for a user who gives it a time alone; classes are those of the label, sorted.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from flaml import AutoML

folder, task, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
train, test = (pd.read_parquet(folder / f"{split}.parquet") for split in ("train", "test"))
for name in train.columns.difference(["label"]):
    if train[name].dtype == object:
        train[name] = train[name].astype("category")
        test[name] = pd.Categorical(test[name], categories=train[name].cat.categories)
automl = AutoML()
automl.fit(
    X_train=train.drop(columns="label"), y_train=train["label"], task="regression" if task == "regression" else "classification",
    time_budget=seconds, seed=7, verbose=0, log_file_name="",
)  # fmt: skip
given = test.drop(columns="label")
if task == "regression":
    predicted = automl.predict(given)
else:
    order = np.argsort([str(one) for one in automl.classes_])
    predicted = automl.predict_proba(given)[:, order]
np.save(folder / "predictions.npy", predicted)
print(automl.best_estimator)
