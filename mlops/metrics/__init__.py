"""One table of metrics.

Lives here: what each metric is called, which tasks have it, which direction is better, which is a task's headline;
what counts of good and bad prove (sequential).
Not here: computing a metric (workloads), judging gates (kinds).
Law: gates, evaluation, early stopping, status, findings and feedback all read this table.
"""
