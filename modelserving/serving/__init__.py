"""What all servers share, whatever they are built on.

::

    source.py ─▶ scoring.py ─▶ sink.py      records in, a batch of them scored, answers out in one transaction
    fast/ · clients.py                      both ends on librdkafka, and which of them was asked for
    messages.py · words.py · writers.py     what flows between them, labels, whose schema a record was written with
    model_driver.py · model_source.py       models in: what all servers do, and how stage and actors run it
    options.py · traces.py                  how a server runs; spans of records that come with a trace
    running/                                a life that outlasts the broker's restarts, and what is seen meanwhile
    report/                                 what a server says of itself, and counts of each batch
"""

from modelserving.serving.messages import Batch, ModelShare, ScoredBatch
from modelserving.serving.options import ServerOptions
from modelserving.serving.report.meter import BatchOutcome, Meter, ModelKey, ScoringTime, outcome_of
from modelserving.serving.report.status import Counts, Health, Phase
from modelserving.serving.report.view import ServerView
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.serving.scoring import Score, score_batch

__all__ = [
    "Batch",
    "BatchOutcome",
    "Counts",
    "Health",
    "Meter",
    "ModelKey",
    "ModelShare",
    "Phase",
    "Score",
    "ScoredBatch",
    "ScoringTime",
    "ServerOptions",
    "ServerView",
    "WorkerThread",
    "outcome_of",
    "score_batch",
]
