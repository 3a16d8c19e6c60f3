"""Keep the predictions of rows that were asked before.

Lives here: CachedModel, which asks the model for the other rows.
Not here: the model (model), what an answer is made of (answer).
Law: a row gets what the model gave for an equal one: the cache lives as long as its process, which serves one version. It
holds at most so many rows, each as a digest, and lets go of those that were not asked for longest.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any

import msgspec
import numpy as np

from mlops.workloads.serving.model import SMALL, Gatherer
from mlops.workloads.serving.rows import BadRows, RequestRow

_DIGEST_BYTES = 16


class CachedModel:
    """`most`: how many rows are kept. `hits` and `misses`: rows so far; those of requests with more than 64 rows are not looked
    up, and count as neither."""

    def __init__(self, model: Gatherer, most: int) -> None:
        self._model, self._most = model, most
        self._kept: OrderedDict[bytes, Any] = OrderedDict()
        self._encode = msgspec.msgpack.Encoder(enc_hook=_pixels).encode
        self.hits = self.misses = 0

    async def predict(self, rows: list[RequestRow]) -> list[Any]:
        """Return what the model gives for `rows`, or gave for equal ones. Raises BadRows."""
        if len(rows) > SMALL:
            return await self._model.predict(rows)
        digests = [hashlib.blake2b(self._encode(row), digest_size=_DIGEST_BYTES).digest() for row in rows]
        found: dict[int, Any] = {}
        for place, digest in enumerate(digests):
            if digest in self._kept:
                self._kept.move_to_end(digest)
                found[place] = self._kept[digest]
        asked = [place for place in range(len(rows)) if place not in found]
        self.hits += len(found)
        self.misses += len(asked)
        if asked:
            made = await self._ask([rows[place] for place in asked], asked)
            found.update(zip(asked, made, strict=True))
            self._keep({digests[place]: found[place] for place in asked})
        return [found[place] for place in range(len(rows))]

    async def _ask(self, rows: list[RequestRow], places: list[int]) -> list[Any]:
        """Return what the model gives. `places`: of the rows in their request, by which BadRows names them."""
        try:
            return await self._model.predict(rows)
        except BadRows as error:
            for problem in error.problems:
                if problem["row"] is not None:
                    problem["row"] = places[problem["row"]]
            raise

    def _keep(self, made: dict[bytes, Any]) -> None:
        self._kept.update(made)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


def _pixels(value: Any) -> Any:
    """Return what stands for the pixels of an image."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    raise TypeError(f"{type(value).__name__} is no value of a row")
