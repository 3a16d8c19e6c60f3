"""Name a resource.

Lives here: Address, the pair of kind and name that every room uses as a key.
Not here: which kinds exist (kinds), which names exist (spec).
Law: an address and its text `kind.name` convert into each other without loss.
"""

from __future__ import annotations

import re
from typing import NamedTuple

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Address(NamedTuple):
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises ValueError where the text is not `kind.name` with a lower-case DNS label as its name."""
        kind, dot, name = text.partition(".")
        if not dot or not kind.isidentifier() or not NAME.fullmatch(name):
            raise ValueError(f"`{text}` is not an address; an address is written kind.name, such as model.delay")
        return cls(kind, name)
