"""The way to a Kafka cluster, whichever it is.

::

    client_properties.py ─▶ clients.py        connections, producers, consumers, all made in one place
    corrections.py ─▶ unreadable.py           what kafka-python needs where brokers or messages fail it
                   ─▶ stuck.py                and where a broker answers with what leads nowhere
    admin.py · settings.py · reading.py       topics, what they are made with, and what is on one now
    fast.py                                   the same connections by librdkafka
    messages.py ─▶ dead_letters.py            a message, and what is left of one that failed
    gaps.py                                   offsets that gave no message
"""

from importlib import import_module

from modelserving.kafka.admin import create_topics, delete_topics, end_offsets, list_topics, missing_topics
from modelserving.kafka.clients import MAX_MESSAGE_BYTES, Connection, connect, make_admin, make_consumer, make_producer
from modelserving.kafka.dead_letters import DeadLetter, Headers, headers, read_dead_letters
from modelserving.kafka.gaps import Gap
from modelserving.kafka.messages import Message, dead_letter
from modelserving.kafka.reading import read_topic

__all__ = [
    "MAX_MESSAGE_BYTES",
    "Connection",
    "DeadLetter",
    "Gap",
    "Headers",
    "Message",
    "connect",
    "create_topics",
    "dead_letter",
    "delete_topics",
    "end_offsets",
    "headers",
    "list_topics",
    "make_admin",
    "make_consumer",
    "make_producer",
    "missing_topics",
    "read_dead_letters",
    "read_topic",
]

_OF_THE_BROKER = frozenset(
    {"BrokerStatus", "EmbeddedKafka", "embedded", "log_path", "prepare", "read_log", "start_detached", "status", "stop"}
)


def __getattr__(name: str) -> object:
    """What was public here before the embedded broker got a package of its own: programs that import it go on."""
    if name in _OF_THE_BROKER:
        return getattr(import_module("modelserving.broker"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
