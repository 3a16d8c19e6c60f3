"""Say how rows are split.

Lives here: one file for each way to split, and what all of them share (split).
Not here: splitting (workloads.data.splits).
Law: a file's name is what `by` says.
"""
