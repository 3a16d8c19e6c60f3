"""Say what may be expected of rows.

Lives here: one file for each word of `expect:`, and what all of them share (check).
Not here: checking (workloads.data.checks).
Law: a file's name is the word, and the field that its model brings.
"""
