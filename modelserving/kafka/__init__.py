"""The broker, and the way to it."""

from modelserving.kafka.admin import create_topics, delete_topics, end_offsets, list_topics
from modelserving.kafka.clients import MAX_MESSAGE_BYTES, Connection, connect, make_admin, make_consumer, make_producer
from modelserving.kafka.dead_letters import DeadLetter, headers, read_dead_letters
from modelserving.kafka.embedded import (
    BrokerStatus,
    EmbeddedKafka,
    log_path,
    prepare,
    read_log,
    start_detached,
    status,
    stop,
    use_broker,
)
from modelserving.kafka.reading import read_topic

__all__ = [
    "MAX_MESSAGE_BYTES",
    "BrokerStatus",
    "Connection",
    "DeadLetter",
    "EmbeddedKafka",
    "connect",
    "create_topics",
    "delete_topics",
    "end_offsets",
    "headers",
    "list_topics",
    "log_path",
    "make_admin",
    "make_consumer",
    "make_producer",
    "prepare",
    "read_dead_letters",
    "read_log",
    "read_topic",
    "start_detached",
    "status",
    "stop",
    "use_broker",
]
