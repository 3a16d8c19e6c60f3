"""What one command works with.

Lives here: Context (settings, records, hashes, dvc.lock), ProjectPaths, effects of a change, choices among inputs, secrets.
Not here: any one kind or target.
Law: everything is read at most once a command; a fresh Context sees the world anew.
"""
