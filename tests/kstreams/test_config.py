"""Settings in Python's names, and the way into a cluster."""

from __future__ import annotations

import pytest

from modelserving.errors import ConfigError
from modelserving.kafka import Connection
from modelserving.kstreams import streams_config


def test_names_are_the_engines_own_with_underscores() -> None:
    """Its own settings, those of its clients with a prefix, and those of its topics."""
    config = streams_config(
        application_id="scoring",
        num_standby_replicas=1,
        processing_guarantee="exactly_once_v2",
        consumer_max_poll_records=500,
        producer_enable_idempotence=True,
        restore_consumer_fetch_max_bytes=1000,
        topic_segment_bytes=2000000,
        rack_aware_assignment_non_overlap_cost=3,
    )
    wanted = {
        "application.id": "scoring",
        "num.standby.replicas": "1",
        "consumer.max.poll.records": "500",
        "producer.enable.idempotence": "true",
        "restore.consumer.fetch.max.bytes": "1000",
        "topic.segment.bytes": "2000000",
        "rack.aware.assignment.non_overlap_cost": "3",
        "auto.offset.reset": "earliest",
    }
    assert {name: str(config.getProperty(name)) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("num_standby_replica", "num_standby_replicas"),
        ("processing_guarantees", "processing_guarantee"),
        ("consumer_max_poll_record", "consumer_max_poll_records"),
        ("aplication_id", "application_id"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(wrong: str, near: str) -> None:
    """A setting that is misspelt would otherwise be passed over in silence."""
    with pytest.raises(ConfigError, match=f"no setting '{wrong}'. Did you mean '{near}'"):
        streams_config(application_id="scoring", **{wrong: 1})


def test_a_name_like_nothing_is_refused_without_advice() -> None:
    """No guess is better than a wild one."""
    with pytest.raises(ConfigError, match=r"no setting 'qqqq'\.$"):
        streams_config(application_id="scoring", qqqq=1)


def test_a_value_that_is_not_allowed_is_told_at_once() -> None:
    """Not when the application is started."""
    with pytest.raises(ConfigError, match="must be one of: at_least_once, exactly_once_v2"):
        streams_config(application_id="scoring", processing_guarantee="twice")
    with pytest.raises(ConfigError, match=r"application\.id"):
        streams_config()


def test_a_connection_brings_its_security() -> None:
    """TLS, user and password of the client properties file reach the engine's clients in Java's names."""
    options = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "anna",
        "sasl_plain_password": 'se"cret\\',
        "ssl_cafile": "/certs/ca.pem",
        "ssl_certfile": "/certs/me.pem",
        "ssl_password": "p",
        "ssl_check_hostname": False,
    }
    config = streams_config(Connection("a:1,b:2", options), application_id="scoring")
    login = 'org.apache.kafka.common.security.scram.ScramLoginModule required username="anna" password="se\\"cret\\\\";'
    wanted = {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": login,
        "ssl.truststore.location": "/certs/ca.pem",
        "ssl.truststore.type": "PEM",
        "ssl.keystore.location": "/certs/me.pem",
        "ssl.keystore.type": "PEM",
        "ssl.key.password": "p",
        "ssl.endpoint.identification.algorithm": "",
    }
    assert {name: str(config.getProperty(name)) for name in wanted} == wanted


def test_an_option_without_a_counterpart_is_refused() -> None:
    """Rather than to connect in another way than the user asked for."""
    with pytest.raises(ConfigError, match="socks5_proxy"):
        streams_config(Connection("a:1", {"socks5_proxy": "x"}), application_id="scoring")
