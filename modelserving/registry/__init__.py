"""Schemas that records are written with: kept under a subject, known by a number, held against those before them.

::

    definition.py                    a schema as its encoding writes it down, and its columns
    compatibility.py                 whether readers and writers of two schemas understand each other
    registry.py                      what a registry is; CachedRegistry: for who scores
     ├── topic.py                    one on a compacted topic: nothing to install
     ├── confluent.py                any with Confluent's REST interface
     └── apicurio.py                 such a one beside the broker, brought on request
    infer.py                         the schema of a file of records
"""

from modelserving.registry.compatibility import Rule, check_compatible, reading_codec, unreadable
from modelserving.registry.confluent import ConfluentRegistry
from modelserving.registry.definition import (
    ENCODINGS,
    Definition,
    define,
    define_answers,
    read_definition,
)
from modelserving.registry.infer import infer_schema
from modelserving.registry.registry import CachedRegistry, RegisteredSchema, SchemaRegistry
from modelserving.registry.topic import SCHEMAS_TOPIC, TopicRegistry

__all__ = [
    "ENCODINGS",
    "SCHEMAS_TOPIC",
    "CachedRegistry",
    "ConfluentRegistry",
    "Definition",
    "RegisteredSchema",
    "Rule",
    "SchemaRegistry",
    "TopicRegistry",
    "check_compatible",
    "define",
    "define_answers",
    "infer_schema",
    "read_definition",
    "reading_codec",
    "unreadable",
]
