"""Name what is predicted.

Lives here: Task.
Not here: anything that needs torch.
Law: the same three words as the spec's.
"""

from __future__ import annotations

from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
