"""What is watched.

Lives here: the baseline that a monitor compares with, its findings, and what they propose.
Not here: statistics (workloads.monitoring), where a watcher runs (targets).
Law: a finding changes nothing by itself.
"""
