"""Tell people of findings.

Lives here: which message is due, the outbox that keeps it until it was sent, sending through Apprise.
Not here: finding anything (the watcher), who is to be told (contracts.alerts).
Law: a message is in the outbox before it is sent and until it was; of one event a route is told once.
"""
