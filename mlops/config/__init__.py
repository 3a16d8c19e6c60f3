"""What users may write in conf/.

Lives here: schema (what each file may say), compose (puts files and overrides together), validate (judges them),
ProjectSpec (the result) and load, which every other room calls to get it.
Not here: what a resource does (kinds), when (engine).
Law: everything a user writes is judged here, all problems at once, and no user code is imported.
"""
