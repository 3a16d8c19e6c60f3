"""Doors to the outside.

Lives here: one module or room for each outside program.
Not here: deciding when to call them (kinds).
Law: a failure carries the command and the end of what it wrote; nothing is called through a shell.
"""
