"""Prediction log against baseline.

Lives here: baselines, the watcher and its tests.
Not here: serving, deciding what to do about a finding.
Law: reads the log and writes findings; changes nothing that answers requests.
"""
