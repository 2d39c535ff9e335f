"""Models on disk.

::

    repository.py          keeps every model that was published or served
    bundled.py             the models that come with the workbook
    mlflow_registry.py     an MLflow registry beside ours
"""
