"""A Java client's properties file becomes kafka-python's options, or an error that names the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.errors import ConfigError
from modelserving.kafka.client_properties import read_client_properties

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A file that looks like a certificate."""
    path = tmp_path / "ca.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\n")
    return path


def _read(tmp_path: Path, text: str) -> dict[str, object]:
    path = tmp_path / "client.properties"
    path.write_text(text, encoding="utf-8")
    return read_client_properties(path)


def test_password_over_tls(tmp_path: Path, pem: Path) -> None:
    """The usual file of a managed cluster gives protocol, mechanism, user and password."""
    options = _read(
        tmp_path,
        f"""# from the cluster's console
        security.protocol=SASL_SSL
        sasl.mechanism=SCRAM-SHA-512
        sasl.jaas.config={SCRAM} required username="ann" password="s3=c;r\\\\"et";
        ssl.truststore.type=PEM
        ssl.truststore.location=ca.pem
        """,
    )
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ann",
        "sasl_plain_password": 's3=c;r"et',
        "ssl_cafile": str(pem),
    }


def test_client_certificate(tmp_path: Path, pem: Path) -> None:
    """Mutual TLS: certificate and key come from one PEM file, its password from its own property."""
    options = _read(
        tmp_path,
        f"security.protocol: SSL\nssl.keystore.location {pem}\nssl.key.password=x\n"
        "ssl.endpoint.identification.algorithm=\nrequest.timeout.ms=5000",
    )
    assert options == {
        "security_protocol": "SSL",
        "ssl_certfile": str(pem),
        "ssl_password": "x",
        "ssl_check_hostname": False,
        "request_timeout_ms": 5000,
    }


def test_lines_by_the_rules_of_java(tmp_path: Path) -> None:
    """Comments, continued lines, escapes and the three separators are read as Java reads them."""
    options = _read(
        tmp_path,
        f"! a comment\n\n  security.protocol : SASL_PLAINTEXT\nsasl.mechanism PLAIN\nclient.id=caf\\u00e9\n"
        f"sasl.jaas.config={PLAIN} \\\n    required username=ann \\\n    password=b#b;\n",
    )
    assert options["security_protocol"] == "SASL_PLAINTEXT"
    assert options["sasl_mechanism"] == "PLAIN"
    assert options["client_id"] == "café"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("ann", "b#b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("security.protocol=SSL\n\nacks=all", r"line 3: acks: this property is not known here\. Known: .*sasl\.mech"),
        ("security.protocol=TLS", r"line 1: security\.protocol: 'TLS' is not supported\. Use one of PLAINTEXT, SSL"),
        ("#\nsasl.mechanism=GSSAPI", r"line 2: sasl\.mechanism: 'GSSAPI' is not supported"),
        ("sasl.jaas.config=com.evil.Module required;", r"only org\.apache\.kafka.*PlainLoginModule"),
        (f'sasl.jaas.config={PLAIN} required username="a";', r'it has no password="\.\.\."'),
        ("ssl.truststore.location=none.pem", r"line 1: ssl\.truststore\.location: .*none\.pem is not a file"),
        ("ssl.truststore.location=client.properties", r"is not in PEM format\. Convert it: openssl"),
        ("ssl.keystore.type=JKS", r"'JKS' is not supported\. Convert the store to PEM"),
        ("request.timeout.ms=soon", r"'soon' is not a whole number of milliseconds"),
        ("security.protocol=SASL_SSL\nsasl.mechanism=PLAIN", r"security\.protocol=SASL_SSL needs sasl\.jaas\.config"),
        ("sasl.mechanism=PLAIN", r"security\.protocol=PLAINTEXT sends none\. Say SASL_SSL"),
        ("ssl.key.password=x", r"security\.protocol=PLAINTEXT is not encrypted"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Nothing in the file is silently ignored, for that could be the encryption."""
    with pytest.raises(ConfigError, match=said) as caught:
        _read(tmp_path, text)
    assert "client.properties" in str(caught.value)


def test_password_is_not_shown(tmp_path: Path) -> None:
    """A connection's representation, which ends in logs and notebooks, has no password in it."""
    from modelserving.config import Settings
    from modelserving.kafka import connect

    path = tmp_path / "client.properties"
    path.write_text(
        "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
        f'sasl.jaas.config={PLAIN} required username="ann" password="hunter2";'
    )
    connection = connect(Settings(tmp_path, "broker.example:9093", path))
    assert connection.options["sasl_plain_password"] == "hunter2"
    assert "hunter2" not in repr(connection)
