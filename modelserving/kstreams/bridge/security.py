"""The way into a cluster, as Java clients are told: kafka-python's options, turned back into Java's properties."""

from __future__ import annotations

from collections.abc import Mapping

from modelserving.errors import ConfigError
from modelserving.kafka import Connection

_SAME = {
    "security_protocol": "security.protocol",
    "sasl_mechanism": "sasl.mechanism",
    "ssl_password": "ssl.key.password",
    "request_timeout_ms": "request.timeout.ms",
    "client_id": "client.id",
}
_STORES = {"ssl_cafile": "ssl.truststore", "ssl_certfile": "ssl.keystore"}
_LOGIN = ("sasl_plain_username", "sasl_plain_password")
_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def client_properties(connection: Connection) -> dict[str, str]:
    """What a Java client needs to reach the cluster, by the names of its own properties.

    Raises:
        ConfigError: the connection has an option that has no counterpart there.
    """
    options = connection.options
    properties = {"bootstrap.servers": connection.bootstrap_servers}
    for name, value in options.items():
        if name in _SAME:
            properties[_SAME[name]] = str(value)
        elif name in _STORES:
            properties[f"{_STORES[name]}.location"] = str(value)
            properties[f"{_STORES[name]}.type"] = "PEM"
        elif name == "ssl_check_hostname":
            properties["ssl.endpoint.identification.algorithm"] = "https" if value else ""
        elif name not in _LOGIN:
            raise ConfigError(f"the connection's option {name!r} cannot be handed on to Kafka Streams.")
    if "sasl_mechanism" in options:
        properties["sasl.jaas.config"] = _jaas(options)
    return properties


def _jaas(options: Mapping[str, object]) -> str:
    user, password = (_quote(str(options.get(name, ""))) for name in _LOGIN)
    return f"{_MODULES[str(options['sasl_mechanism'])]} required username={user} password={password};"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
