"""Judge a new version.

Lives here: one file for each judge of a rollout.
Not here: when they are asked (rollout.watch), the tests behind them (metrics.sequential).
Law: a judge is a function of evidence alone; each is wrong about a good version with at most the stated probability.
"""
