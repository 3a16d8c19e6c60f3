"""Say where rows come from.

Lives here: one file for each scheme of a source's uri, and what all of them share (source).
Not here: finding and fingerprinting (mlops.sources), opening (workloads.data.sources).
Law: a file's name is the scheme; nothing outside names a scheme.
"""
