"""A properties file leads to a real broker that wants TLS and a password."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelserving import jars
from modelserving.broker.configuration import server_properties
from modelserving.broker.layout import Layout
from modelserving.broker.process import format_data
from modelserving.config import Settings
from modelserving.errors import BrokerUnavailable
from modelserving.kafka import clients as clients_module
from modelserving.kafka import connect, create_topics, list_topics, make_admin, make_producer, read_topic
from modelserving.kafka.fast import BrokerWatch, make_fast_consumer, make_fast_producer
from modelserving.kstreams import KafkaStreams, java, streams_config
from modelserving.records import Topics
from modelserving.system.ports import free_port
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,  # what a properties file says is read in test_client_properties.py
    pytest.mark.xdist_group("secured"),  # one broker, that the first test has waited for
    # kafka-python drops a socket whose TLS handshake failed.
    pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning"),
]

_JAAS = "org.apache.kafka.common.security.plain.PlainLoginModule"


@dataclass(frozen=True, slots=True)
class Secured:
    """A broker that wants TLS and a password, and the certificate that proves it."""

    folder: Path
    port: int
    certificate: Path

    def settings(self, password: str = "secret", *, trust: bool = True) -> Settings:
        """What the environment of one of its users would say."""
        lines = [
            "security.protocol=SASL_SSL",
            "sasl.mechanism=PLAIN",
            f'sasl.jaas.config={_JAAS} required username="ann" password="{password}";',
            *([f"ssl.truststore.location={self.certificate.as_posix()}", "ssl.truststore.type=PEM"] if trust else []),
        ]
        file = self.folder / "client.properties"
        file.write_text("\n".join(lines))
        return Settings(self.folder, f"127.0.0.1:{self.port}", file)


def _keytool(*arguments: str) -> None:
    keytool = jars.java().with_name(jars.java().name.replace("java", "keytool"))
    subprocess.run([keytool, *arguments, "-storepass", "changeit"], check=True, capture_output=True)


def _make_certificate(folder: Path) -> Path:
    store, pem = folder / "server.p12", folder / "server.pem"
    of = ("-alias", "server", "-keystore", str(store))
    names = ("-dname", "CN=test", "-ext", "SAN=ip:127.0.0.1", "-ext", "bc=ca:true")
    _keytool("-genkeypair", *of, "-keyalg", "EC", "-validity", "2", *names)
    _keytool("-exportcert", "-rfc", *of, "-file", str(pem))
    return pem


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The embedded broker's own files with a listener that is changed to TLS and SASL; the user is ann, secret."""
    layout = Layout.of(tmp_path_factory.mktemp("secured"))
    layout.folder.mkdir()
    certificate = _make_certificate(layout.folder)
    port, own = free_port(), free_port()
    format_data(layout, port, own)
    text = server_properties(layout.data, port, own).replace("CLIENTS:PLAINTEXT", "CLIENTS:SASL_SSL")
    layout.properties.write_text(
        f"{text}sasl.enabled.mechanisms=PLAIN\nsasl.mechanism.inter.broker.protocol=PLAIN\n"
        f"listener.name.clients.plain.sasl.jaas.config={_JAAS} required"
        ' username="broker" password="broker" user_broker="broker" user_ann="secret";\n'
        f"ssl.keystore.location={(layout.folder / 'server.p12').as_posix()}\nssl.keystore.password=changeit\n"
        f"ssl.truststore.location={certificate.as_posix()}\nssl.truststore.type=PEM\n"
    )
    with layout.jvm_log.open("wb") as said:
        command = [str(jars.java()), f"@{layout.arguments}", "kafka.Kafka", str(layout.properties)]
        broker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        yield Secured(layout.folder, port, certificate)
    finally:
        broker.terminate()
        broker.wait(30)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch, collected: None) -> None:
    """The broker is still starting when the first client comes."""
    monkeypatch.setattr(clients_module, "_OPEN_WITHIN_S", 60.0)
    monkeypatch.setattr(clients_module, "_ANSWER_WITHIN_MS", 60_000)


def made(secured: Secured) -> Topics:
    """Topics of this try's own."""
    topics = Topics().prefixed(f"s{secrets.token_hex(4)}")
    create_topics(connect(secured.settings()), topics)
    return topics


def test_password_and_certificate_let_in(secured: Secured) -> None:
    """With the right properties all clients work over TLS: topics are made, records written and read."""
    connection, topics = connect(secured.settings()), made(secured)
    with make_producer(connection) as producer:
        producer.send(topics.records, b"over tls")
    assert [record.value for record in read_topic(connection, topics.records)] == [b"over tls"]
    assert topics.records in list_topics(connection)


def test_wrong_password_is_told_as_that(secured: Secured) -> None:
    """A wrong password is not told as a broker that does not answer."""
    with pytest.raises(BrokerUnavailable, match="refuses the user name or password"):
        make_admin(connect(secured.settings("guess")))


def test_unknown_certificate_is_not_trusted(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the authority that signed the certificate nothing is sent, and the message names the property."""
    monkeypatch.setattr(clients_module, "_ANSWER_WITHIN_MS", 1_500)
    with pytest.raises(BrokerUnavailable, match=r"certificate that is not trusted.*ssl\.truststore\.location"):
        make_admin(connect(secured.settings(trust=False)))


def test_librdkafka_is_let_in_too(secured: Secured) -> None:
    """The same properties, in librdkafka's words: a record goes over TLS in a transaction, and is read by a group."""
    connection, topics = connect(secured.settings()), made(secured)
    watch = BrokerWatch(connection)
    producer = make_fast_producer(connection, watch, topics.records, 60_000)
    producer.begin_transaction()
    producer.produce(topics.records, b"over tls")
    producer.commit_transaction()
    consumer = make_fast_consumer(connection, watch, topics.records, "0")
    consumer.subscribe([topics.records])
    (found,) = consumer.consume(1, 60)
    consumer.close()
    assert found.value() == b"over tls"


def test_a_wrong_password_is_told_by_librdkafka_too(secured: Secured) -> None:
    """The reason comes with the properties to look at, not as a broker that does not answer."""
    connection = connect(secured.settings("guess"))
    with pytest.raises(BrokerUnavailable, match=r"does not let this client in: .*KAFKA_CLIENT_PROPERTIES"):
        make_fast_producer(connection, BrokerWatch(connection), "stranger", 3_000)


def test_kafka_streams_is_let_in_too(secured: Secured, tmp_path: Path) -> None:
    """The same properties, in Java's words: the engine's clients come in over TLS with the password."""
    connection, topics = connect(secured.settings()), made(secured)
    with make_producer(connection) as producer:
        producer.send(topics.records, b"over tls")
    topology = java.Topology()
    topology.addSource("source", topics.records)
    topology.addSink("sink", topics.scored, "source")
    with KafkaStreams(topology, streams_config(connection, application_id=topics.records, state_dir=tmp_path)):
        # Each look is a new client over TLS: on a busy machine they would take the time from the engine.
        wait_until(lambda: any(read_topic(connection, topics.scored)), "the record to come through", pause=1)
