"""Open sources as tables.

Lives here: one file for each scheme of a source's uri, the reading of files (files), and what all of them share (source).
Not here: what a source may say (config.schema.sources), finding and fingerprinting it (mlops.sources).
Law: a file's name is the scheme; nothing outside names a scheme.
"""
