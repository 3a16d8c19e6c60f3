"""What crosses a process boundary.

Lives here: the inputs of Pulumi programs, of pods, servers, watchers and stages.
Not here: what a user writes (config), what is made of it (stacks, workloads, targets).
Law: one definition for each, which both sides import.
"""
