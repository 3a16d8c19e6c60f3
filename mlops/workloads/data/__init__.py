"""Sources to a checked, cleaned and split data set.

Lives here: what the stage `prepare` runs.
Not here: encoding values (features), deciding when to run (kinds).
Law: equal sources and parameters give equal bytes.
"""
