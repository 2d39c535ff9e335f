"""What all servers share, whatever they are built on.

::

    source.py ─▶ scoring.py ─▶ sink.py      records in, a batch of them scored, answers out in one transaction
    messages.py                             what flows between them
    model_source.py                         models in
    sessions.py · worker_thread.py          a life that outlasts the broker's restarts, and threads of one's own
    options.py · status.py                  how a server runs, and what it says of itself
"""

from modelserving.serving.messages import Batch, ModelShare, ScoredBatch
from modelserving.serving.options import ServerOptions
from modelserving.serving.scoring import score_batch
from modelserving.serving.status import Counts, Health, Phase
from modelserving.serving.worker_thread import WorkerThread

__all__ = [
    "Batch",
    "Counts",
    "Health",
    "ModelShare",
    "Phase",
    "ScoredBatch",
    "ServerOptions",
    "WorkerThread",
    "score_batch",
]
