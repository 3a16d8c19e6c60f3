"""Say what a family of models may say.

Lives here: one file for each family, and what all of them share (family), or all networks (network).
Not here: learning (workloads.training.families).
Law: a file's name is what `architecture.name` says; nothing outside names a family.
"""
