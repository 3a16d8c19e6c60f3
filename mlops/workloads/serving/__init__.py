"""The application that answers requests.

Lives here: the whole application as it lies in a bento's `src/`.
Not here: anything of the control plane or of training.
Law: knows one JSON contract, and imports nothing of mlops outside this room but contracts and parent_death.
"""
