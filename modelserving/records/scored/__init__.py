"""Answers: bytes to dataclass and back.

::

    record.py    one
    columns.py   many: what is the same in all of them once, the rest as columns
    proto_text.py  their schema, for who keeps schemas
"""

from modelserving.records.scored.columns import ScoredColumns, ScoredRun, encode_scored_batch, preload_encoder
from modelserving.records.scored.proto_text import answers_proto
from modelserving.records.scored.record import Output, ScoredRecord, decode_scored, encode_scored

__all__ = [
    "Output",
    "ScoredColumns",
    "ScoredRecord",
    "ScoredRun",
    "answers_proto",
    "decode_scored",
    "encode_scored",
    "encode_scored_batch",
    "preload_encoder",
]
