"""What to do: compare three plan_inputs, decide, do exactly that.

Lives here: a generic engine of resources, state and plans.
Not here: any word of machine learning, any printing, any outside program.
Law: imports nothing but `address` and `errors`.
"""
