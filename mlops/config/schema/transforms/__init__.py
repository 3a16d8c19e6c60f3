"""Say how columns become numbers.

Lives here: one file for each feature transform, and what all of them share (transform).
Not here: encoding (workloads.features.transforms).
Law: a file's name is the key under `features:`, and the field that its model brings.
"""
