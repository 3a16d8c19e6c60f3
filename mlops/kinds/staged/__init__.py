"""The kinds that are DVC stages.

Lives here: data sets and models, their parameters, running their stages, judging gates.
Not here: what a stage does (workloads).
Law: what dvc.lock pins is what is recorded.
"""
