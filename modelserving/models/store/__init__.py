"""Models on disk.

::

    repository.py          keeps every model that was published or served
    bundled.py             the models that come with the workbook
    codec.py               what is known about a model, as JSON, in all of these
    mlflow_registry.py     an MLflow registry beside ours
"""
