"""librdkafka behind the same connection: its words for our settings, and our errors for its."""

from __future__ import annotations

import sys

import confluent_kafka
import pytest
from kafka import errors as kafka_errors

from modelserving.errors import BrokerUnavailable, SetupError
from modelserving.kafka import Connection
from modelserving.kafka.fast import BrokerWatch, make_fast_consumer, settings, to_kafka_error, translated

NOWHERE = Connection("127.0.0.1:1")


def test_a_connection_is_said_in_librdkafkas_words() -> None:
    """What a properties file asked for reaches librdkafka: protocol, login, both halves of the certificate's file."""
    options = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "ann",
        "sasl_plain_password": "secret",
        "ssl_cafile": "ca.pem",
        "ssl_certfile": "own.pem",
        "ssl_password": "key",
        "ssl_check_hostname": False,
    }
    said = settings(Connection("one:9092, two:9092", options))
    wanted = {
        "bootstrap.servers": "one:9092,two:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "ann",
        "sasl.password": "secret",
        "ssl.ca.location": "ca.pem",
        "ssl.certificate.location": "own.pem",
        "ssl.key.location": "own.pem",
        "ssl.key.password": "key",
        "ssl.endpoint.identification.algorithm": "none",
    }
    assert {name: said[name] for name in wanted} == wanted
    confluent_kafka.Consumer({"bootstrap.servers": "nowhere:1", "group.id": "g", "retry.backoff.ms": 1}).close()


def test_its_errors_come_as_kafka_pythons() -> None:
    """A server knows one set of errors: a fenced producer, the broker's own codes, and a broker that is away."""
    known = confluent_kafka.KafkaError
    error = confluent_kafka.KafkaException
    assert isinstance(to_kafka_error(error(known(known._FENCED)), NOWHERE), kafka_errors.ProducerFencedError)
    assert isinstance(to_kafka_error(known(known.UNKNOWN_TOPIC_OR_PART), NOWHERE), kafka_errors.KafkaError)
    fence = known(known._FATAL, "Broker: Static consumer fenced by other consumer with same group.instance.id")
    assert isinstance(to_kafka_error(fence, NOWHERE), kafka_errors.FencedInstanceIdError)
    away = to_kafka_error(error(known(known._TIMED_OUT)), NOWHERE)
    assert isinstance(away, BrokerUnavailable)
    assert "127.0.0.1:1" in str(away)


def test_whatever_it_raises_comes_as_kafka_pythons() -> None:
    """An error of its own kind would end a server, where a session is to end."""
    known = confluent_kafka.KafkaError
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1"), translated(NOWHERE):
        raise confluent_kafka.KafkaException(known(known._STATE))


def test_a_broker_that_goes_is_told_once() -> None:
    """The next look raises; the one after it only if the broker was missed again."""
    known = confluent_kafka.KafkaError
    watch = BrokerWatch(NOWHERE)
    watch(known(known._TRANSPORT))
    watch.check()
    watch(known(known._ALL_BROKERS_DOWN))
    with pytest.raises(BrokerUnavailable, match="no Kafka broker answers"):
        watch.check()
    watch.check()


def test_without_the_extra_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for ``--fast`` and lacks it hears the command."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(SetupError, match=r"modelserving\[fast\]"):
        make_fast_consumer(NOWHERE, BrokerWatch(NOWHERE), "group", "0")
