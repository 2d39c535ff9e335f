"""The embedded broker: a real Kafka on this machine, shared by everything in a checkout.

::

    embedded.py ─▶ leases.py ─ protocol.py ─▶ callers.py ─▶ supervisor.py     who uses it, and who ends it
    supervisor.py ─▶ process.py ─▶ configuration.py                           the Java process
    diagnosis.py                                                              why it did not start
    layout.py · state.py · ports.py                                           where its things are, on disk and net
"""

from modelserving.broker.embedded import (
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

__all__ = [
    "BrokerStatus",
    "EmbeddedKafka",
    "log_path",
    "prepare",
    "read_log",
    "start_detached",
    "status",
    "stop",
    "use_broker",
]
