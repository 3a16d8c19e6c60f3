"""Draw an evaluation as a page.

Lives here: the page (page), its charts (charts), the program that writes it (write).
Not here: what is drawn (training.evaluation), HTML (workloads.pages), showing a plan (mlops.render).
Law: one file of HTML that asks no network; values of data stand in it as text alone.
"""
