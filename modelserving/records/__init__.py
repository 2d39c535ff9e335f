"""Bytes to dataclass and back, and the topics by name.

::

    schema.py ─▶ decoder.py                      columns with types; from messages to columns, by data type
    schema_files.py · tables.py · defaults.py    schemas and records in files; what is meant where nobody says
    wine.py · descriptor.py · control.py         the messages: a record, a model, a command about models
    heating.py · fields.py                       those of the heater; checks of single fields
    codecs/ · scored/                            encodings of any schema; answers, as rows and as columns
    topics.py                                    the topics by name
    wire/ ◀── generate.py                        code generated from ``protos/``; it goes no further than here
"""

from modelserving.records.control import Action, ModelCommand, PartitionSeen, decode_command, encode_command
from modelserving.records.descriptor import Golden, ModelDescriptor, ModelType, decode_descriptor, encode_descriptor
from modelserving.records.fields import check_data_type, check_digest, check_percent
from modelserving.records.heating import (
    HeaterCommand,
    HeaterControl,
    SensorReading,
    TemperatureControl,
    decode_heater,
    decode_reading,
    decode_temperature_control,
    encode_heater,
    encode_reading,
    encode_temperature_control,
)
from modelserving.records.schema import Column, ColumnType, RecordSchema
from modelserving.records.scored import (
    ScoredColumns,
    ScoredRecord,
    ScoredRun,
    decode_scored,
    encode_scored,
    encode_scored_batch,
    preload_encoder,
)
from modelserving.records.topics import TOPICS, Topics
from modelserving.records.wine import FEATURES, WINE_SCHEMA, WineRecord, decode_wine, encode_wine, read_wines

__all__ = [
    "FEATURES",
    "TOPICS",
    "WINE_SCHEMA",
    "Action",
    "Column",
    "ColumnType",
    "Golden",
    "HeaterCommand",
    "HeaterControl",
    "ModelCommand",
    "ModelDescriptor",
    "ModelType",
    "PartitionSeen",
    "RecordSchema",
    "ScoredColumns",
    "ScoredRecord",
    "ScoredRun",
    "SensorReading",
    "TemperatureControl",
    "Topics",
    "WineRecord",
    "check_data_type",
    "check_digest",
    "check_percent",
    "decode_command",
    "decode_descriptor",
    "decode_heater",
    "decode_reading",
    "decode_scored",
    "decode_temperature_control",
    "decode_wine",
    "encode_command",
    "encode_descriptor",
    "encode_heater",
    "encode_reading",
    "encode_scored",
    "encode_scored_batch",
    "encode_temperature_control",
    "encode_wine",
    "preload_encoder",
    "read_wines",
]
