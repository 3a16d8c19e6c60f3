"""The target `local`: this machine.

Lives here: the stack's processes, versions of an endpoint, shifting traffic between them.
Not here: what the fields mean (the kinds), the programs' own ways (tools).
Law: what stands in an endpoint's file is written before a process is started for it, and taken out after it is gone.
"""
