"""What crosses a process boundary.

Lives here: the inputs of Pulumi programs, the configuration of pods, servers and watchers, the parameters of stages.
Not here: what a user writes (config), what is made of it (stacks, workloads, targets).
Law: one definition for each, which both sides import; it is checked where it is read, and stays typed from there on.
"""
