"""The target `kubernetes`: a namespace of a cluster, through Pulumi.

Lives here: what stacks, endpoints, monitors and training are there: which program runs with which inputs, and waiting for it.
Not here: the objects (stacks/), the engine and the API server (tools.pulumi, tools.cluster).
Law: Pulumi makes every change; what was changed by others is shown in the plan before it is repaired.
"""
