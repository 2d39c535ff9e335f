"""The custom-stage server. Start with ``custom_stage.py``: it is short, and the rest serves it.

::

    source.py ─▶ custom_stage.py ─▶ sink.py        records in, answers out
    model_source.py ─▶ ▲                           models in
    scoring.py                                     what the stage does with a batch
    server.py                                      all of it together, over and over
"""

from modelserving.stage.custom_stage import ModelServingStage
from modelserving.stage.lane import Lane
from modelserving.stage.messages import Batch, Message, ScoredBatch, Share, dead_letter
from modelserving.stage.scoring import score_batch
from modelserving.stage.server import StageOptions, StageServer
from modelserving.stage.status import Counts, Health, Phase

__all__ = [
    "Batch",
    "Counts",
    "Health",
    "Lane",
    "Message",
    "ModelServingStage",
    "Phase",
    "ScoredBatch",
    "Share",
    "StageOptions",
    "StageServer",
    "dead_letter",
    "score_batch",
]
