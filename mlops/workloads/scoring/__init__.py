"""Score the rows of a source, interval by interval.

Lives here: reading the rows of a batch, the model over them, writing what it gives, the ledger of what is done.
Not here: which intervals a plan shows (mlops.scoring), answering requests (serving).
Law: each row of an interval stands once in its output, or once among the rows that were set aside.
"""
