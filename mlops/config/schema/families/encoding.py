"""Name the ways in which columns become numbers for a family.

Lives here: Encoding.
Not here: encoding (workloads.features), which family takes which (the other files of this room).
Law: the same transforms, cleaning and train split stand behind every encoding.
"""

from __future__ import annotations

from enum import StrEnum


class Encoding(StrEnum):
    """How the numbers are that a family learns from."""

    AMOUNTS = "amounts"
    """Scaled numbers, zeros and ones; nothing is missing. For what multiplies and adds."""
    CODES = "codes"
    """Numbers as they are, a code for each category, NaN where a value is missing. For what compares."""
