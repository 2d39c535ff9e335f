"""librdkafka instead of kafka-python: the same connection, the same settings, several times as fast.

The extra ``fast`` brings it (``confluent-kafka``). kafka-python stays the default: it is Python all the way down, so a
lesson can show it, and a debugger can step into it.

Three of librdkafka's defaults are wrong for a server that commits each batch before it reads on:

``retry.backoff.ms``
    The broker may still be finishing the last transaction when the next one begins. With the default, asking again
    takes a tenth of a second; with 1 ms a small transaction takes 4 to 6 ms.
``fetch.queue.backoff.ms``
    When its queue is full the client pauses for a second, and what it reads falls to a tenth.
``queued.max.messages.kbytes``
    Bounds what is read ahead, for each partition.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import errors as kafka_errors

from modelserving.errors import BrokerUnavailable, SetupError
from modelserving.kafka.clients import MAX_MESSAGE_BYTES, REQUEST_BYTES, Connection, explain_silence, reach

_OPTIONS = {
    "security_protocol": "security.protocol",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_plain_username": "sasl.username",
    "sasl_plain_password": "sasl.password",
    "ssl_cafile": "ssl.ca.location",
    "ssl_password": "ssl.key.password",
    "client_id": "client.id",
    "request_timeout_ms": "socket.timeout.ms",
}
"""kafka-python's names of what a connection may have, and librdkafka's."""
_SESSION_MS = 10_000
_TOLD_WITHIN_S = 10.0
_READ_AHEAD_KB = 16 * 1024
_PRODUCER_KB = 256 * 1024
_STATIC = "Static consumer fenced"
_LOG = logging.getLogger("librdkafka")


class BrokerWatch:
    """Hears from librdkafka when no broker can be reached, or none lets it in: it tells that to no call, but here."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._gone = threading.Event()
        self._refusal = ""

    def __call__(self, error: Any) -> None:
        """Take an error that belongs to no call; on a thread of librdkafka's."""
        _LOG.debug("%s", error)
        known = _engine().KafkaError
        if error.code() in {known._AUTHENTICATION, known._SSL}:
            self._refusal = error.str()
        if error.code() in {known._ALL_BROKERS_DOWN, known._AUTHENTICATION, known._SSL}:
            self._gone.set()

    def check(self) -> None:
        """Go on only while a broker is there.

        Raises:
            BrokerUnavailable: none has been since the last look.
        """
        if self._gone.is_set():
            self._gone.clear()
            raise BrokerUnavailable(self.explain())

    def explain(self) -> str:
        """Why no broker answers, for people."""
        if not self._refusal:
            return explain_silence(self._connection)
        return (
            f"the Kafka broker at {self._connection.bootstrap_servers} does not let this client in: {self._refusal}. "
            "Check the password and the certificate in KAFKA_CLIENT_PROPERTIES."
        )


def make_fast_consumer(connection: Connection, watch: BrokerWatch, group: str, instance: str) -> Any:
    """A ``confluent_kafka.Consumer`` that starts at the beginning, reads what is committed, and commits when told.

    Args:
        connection: the broker.
        watch: hears when it goes.
        group: the consumer group.
        instance: the name in the group; the same after a restart.

    Raises:
        BrokerUnavailable: no broker answers.
        SetupError: the extra ``fast`` is not installed.
    """
    engine = _engine()
    reach(connection)
    return engine.Consumer(
        {
            **settings(connection),
            "group.id": group,
            "group.instance.id": instance,
            "session.timeout.ms": _SESSION_MS,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "check.crcs": True,  # off, as it is by default, a damaged record is scored as if nothing were the matter
            "allow.auto.create.topics": False,
            "topic.metadata.refresh.interval.ms": 5_000,
            "max.partition.fetch.bytes": REQUEST_BYTES,
            "fetch.message.max.bytes": REQUEST_BYTES,
            "fetch.wait.max.ms": 100,
            "fetch.queue.backoff.ms": 2,
            "queued.min.messages": 50_000,
            "queued.max.messages.kbytes": _READ_AHEAD_KB,
            "error_cb": watch,
        },
        logger=_LOG,
    )


def make_fast_producer(connection: Connection, watch: BrokerWatch, transactional_id: str, timeout_ms: int) -> Any:
    """A ``confluent_kafka.Producer`` with transactions, which have been made ready.

    Args:
        connection: the broker.
        watch: hears when it goes.
        transactional_id: names this producer to the broker; a second one with the same name locks the first one out.
        timeout_ms: after which the broker ends a transaction that was left open.

    Raises:
        BrokerUnavailable: no broker answers, or it does not take the producer.
        SetupError: the extra ``fast`` is not installed.
    """
    engine = _engine()
    reach(connection)
    producer = engine.Producer(
        {
            **settings(connection),
            "transactional.id": transactional_id,
            "transaction.timeout.ms": timeout_ms,
            "message.max.bytes": MAX_MESSAGE_BYTES + 1024 * 1024,
            "batch.size": 1_000_000,
            "linger.ms": 5,
            "queue.buffering.max.kbytes": _PRODUCER_KB,
            "queue.buffering.max.messages": 1_000_000,
            "error_cb": watch,
        },
        logger=_LOG,
    )
    try:
        producer.init_transactions(timeout_ms / 1000)
    except engine.KafkaException as error:
        producer.poll(0)  # what was said meanwhile reaches the watch
        del producer  # held by the error, it would ask on, and lock out the one that comes after it
        raise BrokerUnavailable(f"{watch.explain()} ({error.args[0].str()})") from error
    return producer


def settings(connection: Connection) -> Mapping[str, object]:
    """What every client of librdkafka is made with: the connection, in its words."""
    options = connection.options
    named = {_OPTIONS[name]: value for name, value in options.items() if name in _OPTIONS}
    if "ssl_certfile" in options:  # a PEM file with both, as Java's properties have it
        named["ssl.certificate.location"] = named["ssl.key.location"] = options["ssl_certfile"]
    if options.get("ssl_check_hostname") is False:
        named["ssl.endpoint.identification.algorithm"] = "none"
    return {
        "bootstrap.servers": connection.bootstrap_servers.replace(" ", ""),
        "retry.backoff.ms": 1,
        "retry.backoff.max.ms": 5,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        **named,
    }


def next_offset(consumer: Any, tp: Any) -> int:
    """The offset that is read next; before the first message librdkafka does not tell it, and the group is asked.

    Args:
        consumer: of librdkafka.
        tp: a partition that it has.

    Raises:
        confluent_kafka.KafkaException: the broker does not answer.
    """
    (at,) = consumer.position([tp])
    if at.offset >= 0:
        return int(at.offset)
    (committed,) = consumer.committed([tp], _TOLD_WITHIN_S)
    first, _ = consumer.get_watermark_offsets(tp, _TOLD_WITHIN_S)
    return max(int(committed.offset), int(first))


def is_unreadable(error: Any) -> bool:
    """Whether a message's error says that a batch cannot be taken apart.

    Args:
        error: a message's ``KafkaError``.
    """
    known = _engine().KafkaError
    stuck = {known.INVALID_MSG, known.MSG_SIZE_TOO_LARGE}  # the broker's own log is damaged; it never comes whole
    return error.code() in {known._BAD_MSG, known._BAD_COMPRESSION, known._NOT_IMPLEMENTED, *stuck}


def is_refused(error: Any) -> bool:
    """Whether a message's error says that the broker itself fails to read what is there; it may be for the moment only.

    Args:
        error: a message's ``KafkaError``.
    """
    known = _engine().KafkaError
    return error.code() in {known.UNKNOWN, known.INVALID_RECORD}


@contextmanager
def translated(connection: Connection) -> Iterator[None]:
    """Have what librdkafka raises here raised as kafka-python's errors, which end a session and no server.

    Args:
        connection: the way to the broker.
    """
    try:
        yield
    except _engine().KafkaException as error:
        raise to_kafka_error(error, connection) from error


def to_kafka_error(error: Any, connection: Connection) -> Exception:
    """What kafka-python would have raised: so that a server has one set of errors to know.

    Args:
        error: a ``confluent_kafka.KafkaException``, or a message's ``KafkaError``.
        connection: the way to the broker.
    """
    cause = error.args[0] if isinstance(error, BaseException) else error
    known = _engine().KafkaError
    refused: Exception = BrokerUnavailable(f"the Kafka broker at {connection.bootstrap_servers}: {cause.str()}")
    if cause.code() in {known._FENCED, known.PRODUCER_FENCED}:
        refused = kafka_errors.ProducerFencedError(cause.str())
    elif cause.code() == known._FATAL and _STATIC in cause.str():  # the code that it had before is not handed on
        refused = kafka_errors.FencedInstanceIdError(cause.str())
    elif cause.code() > 0:
        refused = kafka_errors.for_code(cause.code())(cause.str())
    return refused


def _engine() -> Any:
    try:
        import confluent_kafka
    except ImportError as error:
        raise SetupError(
            f"librdkafka does not load: {error}. It comes with the extra `fast`: "
            '`pip install "modelserving[fast]"`; in a checkout `make setup-dev` brings it.'
        ) from error
    return confluent_kafka
