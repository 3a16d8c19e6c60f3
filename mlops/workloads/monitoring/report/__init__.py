"""Draw what a monitor has seen as a page.

Lives here: the page (page), its charts (charts), the program that writes it (write).
Not here: judging windows (watcher, replay), HTML (workloads.pages).
Law: one file of HTML that asks no network; it is drawn of what was judged, and judges nothing.
"""
