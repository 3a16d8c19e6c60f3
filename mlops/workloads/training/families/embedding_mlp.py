"""Build a network with embeddings of categories.

Lives here: EmbeddingMlpFamily, and its network.
Not here: training it (network), what it may say (config.schema.families.embedding_mlp), the codes (workloads.features).
Law: a category that training never had has the code of a missing one, and where nothing was missing in training, zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mlops.config.schema.families.embedding_mlp import EmbeddingMlp
from mlops.config.schema.families.encoding import Encoding
from mlops.workloads.features.encoder import EncodedColumn
from mlops.workloads.training.families.network.columns import ColumnNetworkFamily, LaidOut, Layout

_MOST = 50


class EmbeddingMlpFamily(ColumnNetworkFamily):
    def layout(self, columns: Sequence[EncodedColumn], names: Sequence[Any]) -> Layout:
        coded = {place: one for place, one in enumerate(columns) if one.encoding is Encoding.CODES and one.codes}
        categorical = {one.column for one in coded.values()}
        amounts = [
            place
            for place, one in enumerate(columns)
            if one.encoding is Encoding.AMOUNTS and one.column not in categorical
        ]
        return {"amounts": amounts, "codes": list(coded), "sizes": [one.codes for one in coded.values()]}

    def build_laid_out(self, architecture: EmbeddingMlp, layout: Layout, outputs: int) -> LaidOut:
        return EmbeddingNetwork(architecture, layout, outputs)


class EmbeddingNetwork(LaidOut):
    """`layout`: `amounts` and `codes`, places in a row; `sizes`, how many codes each of `codes` has."""

    def __init__(self, architecture: EmbeddingMlp, layout: Layout, outputs: int) -> None:
        super().__init__(layout)
        self._amounts, self._codes, self._sizes = (list(layout[name]) for name in ("amounts", "codes", "sizes"))
        dimensions = [architecture.dimension or dimension_of(size) for size in self._sizes]
        self.tables = nn.ModuleList(
            nn.Embedding(size + 1, dimension, padding_idx=size)
            for size, dimension in zip(self._sizes, dimensions, strict=True)
        )
        self.dropped = nn.Dropout(architecture.embedding_dropout)
        width, layers = len(self._amounts) + sum(dimensions), list[nn.Module]()
        for hidden in architecture.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU()]
            if architecture.dropout:
                layers.append(nn.Dropout(architecture.dropout))
            width = hidden
        self.layers = nn.Sequential(*layers, nn.Linear(width, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [x[:, self._amounts]] if self._amounts else []
        for place, size, table in zip(self._codes, self._sizes, self.tables, strict=True):
            code = x[:, place]
            known = torch.where(torch.isnan(code), torch.full_like(code, float(size)), code)
            parts.append(self.dropped(table(known.to(torch.int64))))
        out: torch.Tensor = self.layers(torch.cat(parts, dim=1))
        return out


def dimension_of(categories: int) -> int:
    """Return how many numbers stand for each of so many categories."""
    return int(min(_MOST, max(1, round(1.6 * categories**0.56))))
