"""How a source is found, and pinned by its content.

Lives here: one file for each scheme of a source's uri, what all of them share (source), and what those of files do (files).
Not here: what a source may say (config.schema.sources), reading it (workloads.data.sources).
Law: every plan runs this, so nothing heavy is imported; a file's name is the scheme, and nothing outside names a scheme.
"""
