"""Make pages of HTML.

Lives here: what the reports of trainings, searches and monitors share: the page, its tables, its charts (html).
Not here: what stands in a report (training.report, tuning.report, monitoring.report).
Law: one file of HTML that asks no network; values of data stand in it as text alone.
"""
