"""Train networks of torch through Lightning.

Lives here: what the families that are networks share: the family's base, steps, ranks, predictions.
Not here: their architectures (training.families).
Law: several processes take the very steps that one alone would take.
"""
