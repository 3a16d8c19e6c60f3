"""Plan to text.

Lives here: the one versioned document of a plan, and every view that draws it.
Not here: deciding (engine), printing (cli).
Law: a view reads the document and nothing else; equal documents give equal bytes.
"""
