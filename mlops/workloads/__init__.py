"""What runs in stages, servers and pods.

Lives here: one room each for data, features, training, serving and monitoring.
Not here: planning or applying; the control plane never imports this package.
Law: rooms meet the control plane at a process boundary and at files, and each other only through `features`.
"""
