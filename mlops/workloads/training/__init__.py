"""Data set to network, metrics and one portable model.

Lives here: what the stages `train`, `evaluate` and `export` run.
Not here: gates (kinds), serving.
Law: equal data and parameters give equal bytes on the same family of processors.
"""
