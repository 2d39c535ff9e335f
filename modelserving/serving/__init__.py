"""What all servers share, whatever they are built on.

::

    source.py ─▶ scoring.py ─▶ sink.py      records in, a batch of them scored, answers out in one transaction
    messages.py                             what flows between them
    model_source.py                         models in
    sessions.py · worker_thread.py          a life that outlasts the broker's restarts, and threads of one's own
    options.py · status.py · view.py        how a server runs, and what it says of itself
    meter.py                                what is counted of each batch, for those who watch
"""

from modelserving.serving.messages import Batch, ModelShare, ScoredBatch
from modelserving.serving.meter import Effort, Meter, ModelKey, Outcome, outcome_of
from modelserving.serving.options import ServerOptions
from modelserving.serving.scoring import score_batch
from modelserving.serving.status import Counts, Health, Phase
from modelserving.serving.view import ServerView
from modelserving.serving.worker_thread import WorkerThread

__all__ = [
    "Batch",
    "Counts",
    "Effort",
    "Health",
    "Meter",
    "ModelKey",
    "ModelShare",
    "Outcome",
    "Phase",
    "ScoredBatch",
    "ServerOptions",
    "ServerView",
    "WorkerThread",
    "outcome_of",
    "score_batch",
]
