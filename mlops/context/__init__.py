"""What one command works with.

Lives here: Context (project, settings, records, hashes, dvc.lock), ProjectPaths, secrets.
Not here: any one kind or target.
Law: read once a command; a fresh one sees the world anew.
"""
