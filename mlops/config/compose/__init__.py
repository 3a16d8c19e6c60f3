"""Put files and overrides together into one tree.

Lives here: the files of conf/, the YAML with the place of every value, overrides, Hydra's composition, for_each.
Not here: what the values mean (validate).
Law: equal files and overrides give equal trees, and each value knows where it was written.
"""
