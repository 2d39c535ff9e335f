"""Settings in Python's names, and the way into a cluster."""

from __future__ import annotations

from datetime import timedelta

import pytest

from modelserving.config import load_settings
from modelserving.errors import ConfigError
from modelserving.kafka import Connection
from modelserving.kstreams import Record, RecordMetadata, TopologyTestDriver, java, serde, streams_config, text


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


def run(**settings: object) -> list[tuple[object, int]]:
    """What comes out of a topology with the default serdes, for a good value and one that fails."""
    builder = java.StreamsBuilder()
    builder.stream("in").mapValues(lambda value: f"{value}: {1 / len(value)}").to("out")
    with TopologyTestDriver(builder.build(), **settings) as driver:
        source = driver.createInputTopic("in", text(), text())
        for value in ("", "good"):
            source.pipeInput("key", value)
        return [(record.value(), record.timestamp()) for record in read(driver)]


def read(driver: TopologyTestDriver) -> list[Record]:
    """What is on the topic."""
    return driver.createOutputTopic("out", text(), text()).readRecordsToList()


def test_handlers_extractors_and_serdes_are_functions_of_python() -> None:
    """The engine makes a class of each; a handler gets the very error, and says whether to go on."""
    seen: list[tuple[RecordMetadata, object, BaseException]] = []

    def go_on(metadata: RecordMetadata, record: Record, error: BaseException) -> bool:
        seen.append((metadata, record.key(), error))
        return True

    def shout(value: str) -> bytes:
        return value.upper().encode()

    upper = serde(shout, bytes.decode)
    found = run(
        default_key_serde=text(),
        default_value_serde=upper,
        default_timestamp_extractor=lambda key, value: 7,
        processing_exception_handler=go_on,
    )
    assert found == [("GOOD: 0.25", 7)]
    ((metadata, key, error),) = seen
    assert (metadata, key, type(error)) == (RecordMetadata("in", 0, 0), "key", ZeroDivisionError)


def test_what_cannot_be_read_or_written_is_asked_about_too() -> None:
    """A handler that says no ends it with the error; one that does not say is a mistake."""
    texts = {"default_key_serde": text(), "default_value_serde": text()}
    asked: list[object] = []

    def decode(data: bytes) -> str:
        return data.decode() if data else str(1 / 0)

    def go_on(_metadata: RecordMetadata, record: Record, _error: BaseException) -> bool:
        asked.append(record.value())
        return True

    read_badly = {**texts, "default_value_serde": serde(str.encode, decode)}
    found = run(**read_badly, deserialization_exception_handler=go_on)
    assert ([value for value, _ in found], asked) == (["good: 0.25"], [b""])
    with pytest.raises(ZeroDivisionError):
        run(**texts, processing_exception_handler=lambda *_: False)
    with pytest.raises(TypeError, match="a ProcessingExceptionHandler returns True or False; this one returned None"):
        run(**texts, processing_exception_handler=lambda *_: None)


def test_the_engines_own_are_taken_by_short_names_and_as_classes() -> None:
    """As Python's users write them first."""
    found = run(
        default_key_serde=java.Serdes.StringSerde,
        default_value_serde=java.Serdes.StringSerde,
        processing_exception_handler="LogAndContinueProcessingExceptionHandler",
    )
    assert len(found) == 1


def test_a_function_in_place_of_a_serde_is_told() -> None:
    """It is one of two."""
    with pytest.raises(ConfigError, match=r"takes a serde, as serde\(encode, decode\)"):
        streams_config(application_id="x", default_value_serde=str.encode)
    with pytest.raises(ConfigError, match="this is no Serde: 7"):
        streams_config(application_id="x", default_value_serde=7)


@pytest.mark.parametrize(
    ("setting", "short", "package"),
    [
        ("default_timestamp_extractor", "WallclockTimestampExtractor", "org.apache.kafka.streams.processor."),
        ("default_value_serde", "StringSerde", "org.apache.kafka.common.serialization.Serdes$"),
        ("deserialization_exception_handler", "LogAndFailExceptionHandler", "org.apache.kafka.streams.errors."),
    ],
)
def test_short_names_are_found_where_the_engine_has_them(setting: str, short: str, package: str) -> None:
    """Each kind in its own package; a full name stays what it is."""
    for written in (short, package + short):
        config = streams_config(application_id="x", **{setting: written})
        assert str(config.getProperty(setting.replace("_", "."))) == package + short


def test_lengths_of_time_and_the_folder_of_the_state() -> None:
    """A ``timedelta`` in milliseconds; the state is the workbook's own, not in a folder that all checkouts share."""
    config = streams_config(application_id="x", commit_interval_ms=timedelta(seconds=2.5))
    assert str(config.getProperty("commit.interval.ms")) == "2500"
    assert str(config.getProperty("state.dir")) == str(load_settings().home / "kafka-streams")
