"""Turn columns into numbers.

Lives here: one file for each feature transform.
Not here: what a transform's columns and options are (config.schema.transforms), what all share (encoder).
Law: a file's name is the key under `features:`; nothing outside names one.
"""
