"""Models: what one is, how its bytes become one, and its life from a message to a slot.

::

    model.py · info.py      what a model is to the servers; who it is; the slots that models are in
    formats/                from bytes to a model: PMML, TensorFlow, ONNX; what each may cost
    lifecycle/              from a message to the model in use: history, reconcile, fetch, build, sandbox, slots, shadow
    store/                  models on disk: the repository, the bundled ones, MLflow
    admin/                  from outside: describe, publish, list, score a file
    training/               how the bundled ones were made; never imported by a server
"""
