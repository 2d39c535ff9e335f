"""Producers, consumers and administration clients, all made in one place with the same sensible settings.

kafka-python is imported only when a client is made: it takes a sixth of a second, which the broker's supervisor and
``modelserving --help`` do without.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeVar

from modelserving.config import Settings
from modelserving.errors import BrokerUnavailable, ConfigError
from modelserving.kafka.client_properties import read_client_properties
from modelserving.system import poll

if TYPE_CHECKING:
    from kafka import KafkaAdminClient, KafkaProducer

    from modelserving.kafka.corrections import Consumer

MAX_MESSAGE_BYTES = 10 * 1024 * 1024
"""The largest message that may travel, in bytes: a model. Broker, producers and consumers agree on it."""
TOPIC_BYTES = MAX_MESSAGE_BYTES + 64 * 1024
"""What a topic takes: the same with room for the key and the framing."""
REQUEST_BYTES = MAX_MESSAGE_BYTES + 1024 * 1024
"""What a client sends and fetches at most, and what the dead-letter topic takes: the same with headers that say why."""

_OPEN_WITHIN_S = 3.0
_ANSWER_WITHIN_MS = 10_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the broker is, and how to be let in.

    Args:
        bootstrap_servers: ``host:port``, with commas between several.
        options: kafka-python's own settings for TLS, SASL and the like; passwords among them, so they are not shown.
    """

    bootstrap_servers: str
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def settings(self) -> dict[str, object]:
        """What every client is made with."""
        return {
            "bootstrap_servers": self.bootstrap_servers.replace(" ", "").split(","),
            "bootstrap_timeout_ms": _ANSWER_WITHIN_MS,
            # A broker that restarts is back in two seconds; the library's own half a minute would hide that.
            "reconnect_backoff_max_ms": 1_000,
            **self.options,
        }


def connect(settings: Settings) -> Connection:
    """The way to the external cluster that the environment names.

    Raises:
        ConfigError: no cluster is named, or its properties file has a line that cannot be used.
    """
    if settings.bootstrap_servers is None:
        raise ConfigError("no cluster is named: set KAFKA_BOOTSTRAP_SERVERS, or use the embedded broker.")
    options: Mapping[str, object] = {}
    if settings.client_properties is not None:
        options = read_client_properties(settings.client_properties)
    return Connection(settings.bootstrap_servers, MappingProxyType(dict(options)))


def make_producer(connection: Connection, **overrides: object) -> KafkaProducer:
    """A producer that loses nothing and keeps the order: acknowledged by all replicas, idempotent.

    Args:
        connection: the broker.
        overrides: kafka-python's names, for example ``linger_ms=0``, ``transactional_id="stage-0"``.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    from modelserving.kafka.corrections import Producer

    return _make(
        connection,
        Producer,
        {
            "acks": "all",
            "allow_auto_create_topics": False,
            "batch_size": 256 * 1024,
            "linger_ms": 5,
            "max_request_size": REQUEST_BYTES,
            "metrics_enabled": False,
            **overrides,
        },
    )


def make_consumer(
    connection: Connection,
    *topics: str,
    group: str | None = None,
    isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
    **overrides: object,
) -> Consumer:
    """A consumer that starts at the beginning of its topics, and commits only when told.

    Args:
        connection: the broker.
        topics: to subscribe to; none: ``assign`` partitions afterwards.
        group: consumers of one group share the partitions; ``None`` reads alone and commits nothing.
        isolation: ``read_committed`` leaves out records of transactions that were aborted or are still open.
        overrides: kafka-python's names, for example ``auto_offset_reset="latest"``, ``max_poll_records=1000``.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    from modelserving.kafka.corrections import Consumer

    return _make(
        connection,
        lambda **made: Consumer(*topics, **made),
        {
            "allow_auto_create_topics": False,
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "enable_incremental_fetch_sessions": False,  # in one, a broker that gives nothing does not say that either
            "group_id": group,
            "isolation_level": isolation,
            "max_partition_fetch_bytes": REQUEST_BYTES,
            "metrics_enabled": False,
            # A member that was killed is missed after ten seconds, not three quarters of a minute.
            "session_timeout_ms": 10_000,
            **overrides,
        },
    )


def make_admin(connection: Connection) -> KafkaAdminClient:
    """A client that creates, describes and deletes topics and groups.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    from kafka import KafkaAdminClient

    return _make(connection, KafkaAdminClient, {})


def _make(connection: Connection, factory: Callable[..., _T], settings: Mapping[str, object]) -> _T:
    """Make a client, or close what there is of it and say why it could not be made."""
    from kafka.errors import KafkaError

    from modelserving.kafka.corrections import DIRECTLY, Client

    made: list[Client] = []

    def make_and_keep(**given: object) -> Client:
        made.append(Client(**given))
        return made[-1]

    _quieten()
    reach(connection)
    own = {"kafka_client": make_and_keep, "proxy_url": DIRECTLY}
    try:
        return factory(**{**own, **connection.settings(), **settings})
    except BaseException as error:  # a stop button, too: nobody else has this client, to close it
        reason = next((client.manager.last_failure for client in made), None)
        for client in made:
            client.close()
        if isinstance(error, (KafkaError, OSError)):
            raise BrokerUnavailable(explain(connection, error, reason)) from error
        raise


def reach(connection: Connection, within_s: float | None = None) -> None:
    """See that a port is open at one of the addresses, or that one opens soon, as that of a broker which restarts.

    kafka-python would try by itself, but cannot tell a port that nobody listens at from a broker that is slow.

    Args:
        connection: the way to the broker.
        within_s: seconds; 0: one is open now; ``None``: as long as it takes a broker to restart.

    Raises:
        BrokerUnavailable: none opens in time.
    """
    addresses = [address.strip() for address in connection.bootstrap_servers.split(",")]
    if not poll(lambda: any(map(_is_open, addresses)), _OPEN_WITHIN_S if within_s is None else within_s):
        raise BrokerUnavailable(explain_silence(connection))


def _is_open(address: str) -> bool:
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        host, port = address, "9092"
    try:
        socket.create_connection((host.strip("[]"), int(port)), _OPEN_WITHIN_S).close()
    except OSError:
        return False
    return True


def explain(connection: Connection, error: Exception, reason: Exception | None = None) -> str:
    """What to tell a person when the broker cannot be talked to.

    Args:
        connection: the way to it.
        error: what the client raised.
        reason: why its last connection failed, where that is known.
    """
    from kafka.errors import AuthorizationError, KafkaTimeoutError, SaslAuthenticationFailedError

    where = connection.bootstrap_servers
    if isinstance(error, SaslAuthenticationFailedError | AuthorizationError):
        return (
            f"the Kafka broker at {where} refuses the user name or password. Check KAFKA_CLIENT_PROPERTIES. ({error})"
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(reason):
        return (
            f"the Kafka broker at {where} shows a certificate that is not trusted. Name the authority that signed it "
            f"in KAFKA_CLIENT_PROPERTIES (ssl.truststore.location, a PEM file). ({reason})"
        )
    if isinstance(error, KafkaTimeoutError):
        return explain_silence(connection) + (f" (The last attempt: {reason}.)" if reason else "")
    return f"cannot talk to the Kafka broker at {where}: {type(error).__name__}: {error}."


def explain_silence(connection: Connection) -> str:
    """What to tell a person when no broker answers."""
    return (
        f"no Kafka broker answers at {connection.bootstrap_servers}. Is it running? "
        "`modelserving broker status` tells, `modelserving broker start` starts the embedded one. "
        "A cluster elsewhere: check KAFKA_BOOTSTRAP_SERVERS, the network, "
        "and whether it wants TLS (KAFKA_CLIENT_PROPERTIES)."
    )


def _quieten() -> None:
    """Keep kafka-python's complaints off the terminal while a broker restarts; errors that matter arrive as exceptions.

    Whoever sets a level on the logger ``kafka`` gets what they asked for.
    """
    logger = logging.getLogger("kafka")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
