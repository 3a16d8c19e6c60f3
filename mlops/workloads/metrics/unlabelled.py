"""Read the truth of a model that learned from no label.

Lives here: Unlabelled, the columns of such a truth.
Not here: making it (training.unlabelled), the metrics (clustering, anomaly, reduction).
Law: what a metric needs of a row stands in the row itself, so that rows may be chosen and put in any order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlops.workloads.metrics.weighted import Array


@dataclass(frozen=True)
class Unlabelled:
    """`labels`: `[N]`, numbers, NaN where the data set has none. `scale`: a number of the model, see below, NaN where there is
    none. `features`: `[N, W]`.

    Of clusters, `scale` is 1 where a larger number means that a row belongs to a cluster (probabilities), -1 where a smaller
    one does (distances). Of anomalies it is the reconstruction error for which the score is 0.5.
    """

    labels: Array
    scale: float
    features: Array

    @classmethod
    def of(cls, truth: Array) -> Unlabelled:
        return cls(truth[:, 0], float(truth[0, 1]), truth[:, 2:])

    def as_truth(self) -> Array:
        """Return `[N, 2 + W]`, which metrics take as `truth`."""
        scale = np.full(len(self.labels), self.scale)
        rows: Array = np.column_stack([self.labels, scale, self.features])
        return rows

    @property
    def has_labels(self) -> bool:
        return not bool(np.isnan(self.labels).any())

    def clusters(self, predicted: Array) -> Array:
        """Return the number of each row's cluster."""
        numbers: Array = (predicted * self.scale).argmax(axis=1)
        return numbers
