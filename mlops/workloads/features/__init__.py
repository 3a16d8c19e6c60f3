"""The one graph from raw columns to numbers.

Lives here: the only code that training and serving share.
Not here: networks, requests.
Law: imports no training and no serving library beyond onnx, onnxruntime and NumPy.
"""
