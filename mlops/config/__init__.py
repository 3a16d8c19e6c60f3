"""What may be said.

Lives here: schema (what each file may say), compose (files and overrides into one tree), validate (judging it), Project
and load, the door through which everybody else asks for it.
Not here: what a resource does (kinds), when (engine).
Law: everything a user writes is judged here, all problems at once, and no user code is imported.
"""
