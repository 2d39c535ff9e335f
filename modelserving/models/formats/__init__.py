"""From bytes to a model. A format is a factory, and one line in ``factory.py``.

::

    factory.py ─▶ pmml/ · tensorflow/ · onnx/ · remote/     each: guard (what it may cost), then the engine
    files.py                                      which format a file is of
    inputs.py · feeds.py                          from records to the columns, or tensors, that an engine reads
    answers.py                                    from what an engine of tensors answers to scores
    archive.py                                    folders as bytes
"""
