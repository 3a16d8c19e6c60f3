"""Bring models from elsewhere.

Lives here: finding the file of a model and proving that it is the pinned one (files), and making a graph of it that joins with
features (onnx_graph).
Not here: the family (families.imported).
Law: bytes that are not the pinned ones are never read as a model, and a pickle never is.
"""
