"""Arguments to calls.

Lives here: one verb, one file, one short function; the only code that prints, asks or exits.
Not here: deciding, doing, drawing.
Law: `--help` imports nothing heavy; what a verb needs is imported when it runs.
"""
