"""Split rows into train, validation and test.

Lives here: one file for each way to split, and what all of them share (split).
Not here: what a split may say (config.schema.splits).
Law: a file's name is what `by` says; nothing outside names one.
"""
