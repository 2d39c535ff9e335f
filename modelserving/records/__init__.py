"""Bytes to dataclass and back, and the topics by name.

The messages are Protocol Buffers (``protos/``). The generated code is in ``wire`` and goes no further than here.
"""

from modelserving.records.descriptor import Golden, ModelDescriptor, ModelType, decode_descriptor, encode_descriptor
from modelserving.records.fields import check_data_type
from modelserving.records.scored import ScoredRecord, decode_scored, encode_scored
from modelserving.records.topics import TOPICS, Topics
from modelserving.records.wine import FEATURES, WineRecord, decode_wine, encode_wine, read_wines

__all__ = [
    "FEATURES",
    "TOPICS",
    "Golden",
    "ModelDescriptor",
    "ModelType",
    "ScoredRecord",
    "Topics",
    "WineRecord",
    "check_data_type",
    "decode_descriptor",
    "decode_scored",
    "decode_wine",
    "encode_descriptor",
    "encode_scored",
    "encode_wine",
    "read_wines",
]
