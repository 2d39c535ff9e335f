"""ONNX, scored by onnxruntime.

::

    guard.py ─▶ model.py     what it may contain, then the engine
"""
