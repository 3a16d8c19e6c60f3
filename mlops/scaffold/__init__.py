"""Write what a project consists of.

Lives here: the files that are the same in every project (stage_files), and their templates.
Not here: asking the user, printing (cli), opening a project (api).
Law: what the user has written or edited is never overwritten.
"""
