"""ONNX, scored by onnxruntime.

::

    prune.py ─▶ guard.py ─▶ signature.py ─▶ model.py ─▶ engine.py
    only what the answer needs · what it may contain · what it takes and gives
"""
