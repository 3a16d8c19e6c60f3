"""Stand in for missing values where a type has none.

Lives here: MISSING_INT.
Not here: where it is put in (columns, serving.rows), where it is taken out again (builder, encoder).
Law: nothing is imported here, so a server that has no Arrow reads it too.
"""

MISSING_INT = -(2**63)
"""A missing value in a tensor of int64; no column may hold it."""
