"""Compute metrics.

Lives here: one file a theme, of the same name as the file of mlops.metrics that says what its metrics are called; measure,
which computes those of a task; intervals, which says how sure they are.
Not here: which metrics there are (mlops.metrics), what a stage writes (training), judging (kinds).
Law: a function is given `truth` and `predicted`, and gives NaN where it cannot be computed.
"""
