"""Grow decision trees.

Lives here: what the families of trees share: growing them by LightGBM (grow), what was grown (fitted), their graph (graph).
Not here: which kind of trees (training.families), what they may say (config.schema.families.trees).
Law: imports no torch.
"""
