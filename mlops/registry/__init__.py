"""Know the versions of models.

Lives here: what git says of them: commits of dvc.lock, and the tags that give a version a name.
Not here: what a model or a package means (kinds), running git (tools), drawing (render).
Law: git holds the truth; nothing is remembered here that a clone with its tags does not say.
"""
