"""The custom-stage server. Start with ``custom_stage.py``: it is short, and it is the lesson.

::

    custom_stage.py     two inlets, one outlet, and a model that changes between two records
    server.py           Kafka on both sides of it (``modelserving.serving``), over and over
"""

from modelserving.stage.custom_stage import ModelServingStage
from modelserving.stage.server import StageServer

__all__ = [
    "ModelServingStage",
    "StageServer",
]
