"""What each word means.

Lives here: one module a kind, with what several of them share (ground, params, secrets, gates), and the local target.
Not here: deciding (engine), drawing (render), what runs for hours (workloads).
Law: `desire` and `observe` only read; `create`, `update` and `delete` may be called again after a crash.
"""
