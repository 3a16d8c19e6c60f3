"""Learn, each family in its own way.

Lives here: one file for each family, what all of them share (family, checkpoint), and what networks share (network).
Not here: reading data, measuring, joining graphs (training).
Law: a file's name is what `architecture.name` says; nothing outside names a family.
"""
