"""What a notebook asks of a project.

Lives here: plans, applies and tables as a notebook shows them; data as frames; models and endpoints that predict frames.
Not here: what the command line needs too (the files beside this room), answering (workloads, in processes of their own).
Law: nothing heavy is imported before a frame is asked for; a workload is asked through a process, never imported.
"""
