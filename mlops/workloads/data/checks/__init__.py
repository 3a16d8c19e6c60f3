"""Check rows.

Lives here: one file for each word of `expect:`, and what all of them share (check).
Not here: what may be expected (config.schema.checks).
Law: a file's name is the word; nothing outside names one.
"""
