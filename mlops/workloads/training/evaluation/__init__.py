"""Look at a model from every side.

Lives here: one file for each part of what `evaluate` writes: slices, plots, baselines and what follows.
Not here: the stage itself (training.evaluate), metrics (workloads.metrics), judging (kinds).
Law: what a part looks at is bounded by a number of rows, drawn with a fixed seed; equal models give equal bytes.
"""
