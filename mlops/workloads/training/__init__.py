"""Turn a data set into a model, its metrics and one portable file.

Lives here: what the stages `train`, `evaluate` and `export` run, and the families that learn.
Not here: gates (kinds), serving.
Law: equal data and parameters give equal bytes on the same family of processors.
"""
