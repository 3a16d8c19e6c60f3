"""What is scored in batches, as a plan sees it.

Lives here: which intervals of a batch are due, what they will take, what was scored.
Not here: scoring (workloads.scoring), what a batch means (kinds.batch).
Law: reads sources and ledgers, and changes neither.
"""
