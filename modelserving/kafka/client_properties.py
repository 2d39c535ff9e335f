"""A Java client's properties file (TLS, SASL), turned into kafka-python's options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from modelserving.errors import ConfigError

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_LOGIN = re.compile(r'(username|password)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))')
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_SEPARATOR = re.compile(r"(?<!\\)(?:\\\\)*(\s*[=:]\s*|\s+)")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the file.

    Args:
        path: the file.
        line: its number, from 1; the first one of a continued line.
        key: the property's name.
        value: its value.
    """

    path: Path
    line: int
    key: str
    value: str

    def refuse(self, why: str) -> NoReturn:
        raise ConfigError(f"{self.path}, line {self.line}: {self.key}: {why}")


def read_client_properties(path: Path) -> dict[str, object]:
    """Read the options of a connection.

    Args:
        path: a Java properties file, as other Kafka tools take it.

    Returns:
        kafka-python's options by name.

    Raises:
        ConfigError: the file cannot be read, or a line cannot be used; with its number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the Kafka client properties in {path}: {error}.") from error
    options: dict[str, object] = {}
    for entry in _entries(path, text):
        take = _KNOWN.get(entry.key)
        if take is None:
            entry.refuse(f"this property is not known here. Known: {', '.join(sorted(_KNOWN))}.")
        options.update(take(entry))
    _check(path, options)
    return options


def _entries(path: Path, text: str) -> Iterator[_Entry]:
    """Lines by Java's rules: ``#``, ``!`` begin comments, a final backslash goes on, ``=``, ``:`` and spaces part."""
    pending, started = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.lstrip()
        if not pending and (not line or line[0] in "#!"):
            continue
        started = started or number
        if (len(line) - len(line.rstrip("\\"))) % 2:
            pending += line[:-1]
            continue
        yield _entry(path, started, pending + line)
        pending, started = "", 0
    if pending:
        yield _entry(path, started, pending)


def _entry(path: Path, number: int, line: str) -> _Entry:
    found = _SEPARATOR.search(line)
    key, value = (line[: found.start(1)], line[found.end(1) :]) if found else (line, "")
    return _Entry(path, number, _unescape(key), _unescape(value).rstrip())


def _unescape(text: str) -> str:
    named = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
    return _ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 5 else named.get(m[1], m[1]), text)


def _one_of(option: str, allowed: tuple[str, ...]) -> Callable[[_Entry], Mapping[str, object]]:
    def take(entry: _Entry) -> Mapping[str, object]:
        if entry.value.upper() not in allowed:
            entry.refuse(f"{entry.value!r} is not supported. Use one of {', '.join(allowed)}.")
        return {option: entry.value.upper()}

    return take


def _text(option: str) -> Callable[[_Entry], Mapping[str, object]]:
    return lambda entry: {option: entry.value}


def _file(option: str) -> Callable[[_Entry], Mapping[str, object]]:
    def take(entry: _Entry) -> Mapping[str, object]:
        file = (entry.path.parent / Path(entry.value).expanduser()).resolve()
        if not file.is_file():
            entry.refuse(f"{file} is not a file. A relative path counts from the properties file.")
        if b"-----BEGIN " not in file.read_bytes():
            entry.refuse(
                f"{file} is not in PEM format. Convert it: openssl pkcs12 -in store.p12 -out store.pem "
                "(a JKS store first with keytool -importkeystore)."
            )
        return {option: str(file)}

    return take


def _milliseconds(option: str) -> Callable[[_Entry], Mapping[str, object]]:
    def take(entry: _Entry) -> Mapping[str, object]:
        if not entry.value.isdecimal():
            entry.refuse(f"{entry.value!r} is not a whole number of milliseconds.")
        return {option: int(entry.value)}

    return take


def _login(entry: _Entry) -> Mapping[str, object]:
    """User and password of a JAAS line of the PLAIN or SCRAM login module."""
    if not re.search(r"\b(Plain|Scram)LoginModule\s+required\b", entry.value):
        entry.refuse(
            "only org.apache.kafka.common.security.plain.PlainLoginModule and ...scram.ScramLoginModule are supported."
        )
    found = {m[1]: re.sub(r"\\(.)", r"\1", m[2]) if m[2] is not None else m[3] for m in _LOGIN.finditer(entry.value)}
    for name in ("username", "password"):
        if name not in found:
            entry.refuse(f'it has no {name}="...".')
    return {"sasl_plain_username": found["username"], "sasl_plain_password": found["password"]}


def _pem(entry: _Entry) -> Mapping[str, object]:
    if entry.value.upper() != "PEM":
        entry.refuse(f"{entry.value!r} is not supported. Convert the store to PEM, and say PEM.")
    return {}


def _host_name_check(entry: _Entry) -> Mapping[str, object]:
    if entry.value.lower() not in {"", "https"}:
        entry.refuse("say https, or leave the value empty to skip the check of the host's name.")
    return {"ssl_check_hostname": bool(entry.value)}


_KNOWN: Mapping[str, Callable[[_Entry], Mapping[str, object]]] = {
    "security.protocol": _one_of("security_protocol", _PROTOCOLS),
    "sasl.mechanism": _one_of("sasl_mechanism", _MECHANISMS),
    "sasl.jaas.config": _login,
    "ssl.truststore.location": _file("ssl_cafile"),
    "ssl.truststore.type": _pem,
    "ssl.keystore.location": _file("ssl_certfile"),
    "ssl.keystore.type": _pem,
    "ssl.key.password": _text("ssl_password"),
    "ssl.endpoint.identification.algorithm": _host_name_check,
    "client.id": _text("client_id"),
    "request.timeout.ms": _milliseconds("request_timeout_ms"),
}


def _check(path: Path, options: Mapping[str, object]) -> None:
    """Catch what would otherwise be a silent downgrade or a long wait."""
    protocol = str(options.get("security_protocol", "PLAINTEXT"))
    if protocol.startswith("SASL_"):
        for key, option in (("sasl.mechanism", "sasl_mechanism"), ("sasl.jaas.config", "sasl_plain_username")):
            if option not in options:
                raise ConfigError(f"{path}: security.protocol={protocol} needs {key}.")
    elif "sasl_mechanism" in options or "sasl_plain_username" in options:
        raise ConfigError(
            f"{path}: it has a user, but security.protocol={protocol} sends none. Say SASL_SSL (or SASL_PLAINTEXT)."
        )
    if not protocol.endswith("SSL") and any(name.startswith("ssl_") for name in options):
        raise ConfigError(
            f"{path}: it has ssl.* properties, but security.protocol={protocol} is not encrypted. Say SSL or SASL_SSL."
        )
