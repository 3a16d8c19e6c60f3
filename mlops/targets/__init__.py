"""Where things run.

Lives here: the Target protocol, and one room for each target: local, kubernetes.
Not here: what a field of a resource means (kinds), moving traffic (rollout).
Law: everything that differs between two targets stands here, and a target is found by its name.
"""
