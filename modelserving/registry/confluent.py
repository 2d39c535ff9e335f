"""Any registry with Confluent's REST interface: Confluent's own, Apicurio, Karapace, Redpanda."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import httpx

from modelserving.errors import ConfigError, RegistryUnavailable, SchemaError, UnknownSchema
from modelserving.registry.compatibility import Rule, check_compatible
from modelserving.registry.definition import Definition, kept_definition
from modelserving.registry.registry import RegisteredSchema
from modelserving.system.closing import Closing
from modelserving.system.nesting import read_json

_TYPE = "application/vnd.schemaregistry.v1+json"
_TIMEOUT_S = 10.0
_CONNECT_TRIES = 2
_ABSENT = {404}
_REFUSED = {409, 422}


class ConfluentRegistry(Closing):
    """Schemas behind a URL; as ``SchemaRegistry``. Any thread may use it. It holds connections open: close it.

    Args:
        url: where the interface begins, for example ``http://localhost:8081``; name and password may stand in it.
        transport: for tests: what answers instead of the network.

    Raises:
        ConfigError: this is no URL of http or https.
    """

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        try:
            parsed = httpx.URL(url.rstrip("/") + "/")
        except httpx.InvalidURL as error:
            raise ConfigError(f"{url!r} is no URL of a schema registry: {error}.") from error
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise ConfigError(f"{url!r} is no URL of a schema registry; http://HOST:PORT was expected.")
        self.shown = str(parsed.copy_with(userinfo=b"")).rstrip("/")
        self._client = httpx.Client(
            base_url=parsed,
            headers={"Accept": f"{_TYPE}, application/json", "Content-Type": _TYPE},
            timeout=_TIMEOUT_S,
            transport=transport or httpx.HTTPTransport(retries=_CONNECT_TRIES),
        )

    def register(self, subject: str, definition: Definition) -> RegisteredSchema:
        """As ``SchemaRegistry``. What breaks the rule is found here, where the column is known by name."""
        versions = self.versions(subject)
        existing = next((one for one in versions if one.definition.is_like(definition)), None)
        if existing is not None:
            return existing
        check_compatible(self.rule(subject), subject, definition, [(one.version, one.definition) for one in versions])
        body = {"schema": definition.text, "schemaType": definition.encoding.upper()}
        sent = self._ask("POST", f"subjects/{_quote(subject)}/versions", body)
        schema_id = _whole(sent, "id")
        for one in self.versions(subject):
            if one.schema_id == schema_id:
                return one
        raise SchemaError(f"the registry at {self.shown} took the schema of {subject!r} and does not show it.")

    def find(self, schema_id: int) -> Definition:
        """As ``SchemaRegistry``."""
        try:
            return _definition(self._ask("GET", f"schemas/ids/{schema_id}"))
        except UnknownSchema:
            raise UnknownSchema(
                f"the registry at {self.shown} knows no schema {schema_id}. Was the record written with another one?"
            ) from None

    def subjects(self) -> tuple[str, ...]:
        """As ``SchemaRegistry``."""
        found = self._ask("GET", "subjects")
        return tuple(sorted(map(str, found if isinstance(found, list) else ())))

    def versions(self, subject: str) -> tuple[RegisteredSchema, ...]:
        """As ``SchemaRegistry``."""
        path = f"subjects/{_quote(subject)}/versions"
        try:
            numbers = self._ask("GET", path)
        except UnknownSchema:
            return ()
        return tuple(self._version(subject, f"{path}/{number}") for number in sorted(numbers))

    def rule(self, subject: str) -> Rule:
        """As ``SchemaRegistry``: the subject's own, or that of all."""
        for path in (f"config/{_quote(subject)}", "config"):
            try:
                said = self._ask("GET", path)
            except UnknownSchema:
                continue
            try:
                return Rule(str(said.get("compatibilityLevel", "")).lower())
            except ValueError:
                return Rule.NONE  # a rule that is not known here: the registry itself looks after it
        return Rule.NONE

    def set_rule(self, subject: str, rule: Rule) -> None:
        """As ``SchemaRegistry``."""
        self._ask("PUT", f"config/{_quote(subject)}", {"compatibility": rule.value.upper()})

    def close(self) -> None:
        """As ``SchemaRegistry``."""
        self._client.close()

    def _version(self, subject: str, path: str) -> RegisteredSchema:
        found = self._ask("GET", path)
        return RegisteredSchema(_whole(found, "id"), subject, _whole(found, "version"), _definition(found))

    def _ask(self, method: str, path: str, body: Mapping[str, str] = MappingProxyType({})) -> Any:
        """What the registry answers.

        Raises:
            UnknownSchema: there is no such thing.
            SchemaError: it refuses, or answers what is no JSON.
            RegistryUnavailable: it does not answer, or says that it cannot now.
        """
        try:
            answer = self._client.request(method, path, json=dict(body) if body else None)
        except httpx.TransportError as error:
            raise RegistryUnavailable(
                f"no schema registry answers at {self.shown}: {error}. Check --schema-registry, or start it."
            ) from error
        status = answer.status_code
        if status in _ABSENT:
            raise UnknownSchema(f"the registry at {self.shown} has no {path}: {_said(answer)}.")
        if status in _REFUSED:
            raise SchemaError(f"the registry at {self.shown} refuses the schema: {_said(answer)}.")
        if not answer.is_success:
            raise RegistryUnavailable(f"the registry at {self.shown} answers {status} to {path}: {_said(answer)}.")
        try:
            return read_json(answer.content)
        except ValueError as error:
            raise SchemaError(
                f"{self.shown}/{path} answers no JSON. Is this a schema registry, and the whole of its address?"
            ) from error


def _definition(found: Any) -> Definition:
    if not isinstance(found, dict) or not isinstance(found.get("schema"), str):
        raise SchemaError(f"the registry answers no schema: {str(found)[:80]!r}.")
    if found.get("references"):
        raise SchemaError("the schema refers to others in the registry; only schemas that stand alone are read.")
    return kept_definition(str(found.get("schemaType") or "AVRO").lower(), found["schema"])


def _whole(found: Any, name: str) -> int:
    if not isinstance(found, dict) or not isinstance(found.get(name), int):
        raise SchemaError(f"the registry answers without {name!r}: {str(found)[:80]!r}.")
    return int(found[name])


def _said(answer: httpx.Response) -> str:
    try:
        found = read_json(answer.content)
    except ValueError:
        return answer.reason_phrase
    return str(found.get("message", found))[:300].rstrip(".") if isinstance(found, dict) else str(found)[:300]


def _quote(subject: str) -> str:
    return quote(subject, safe="")
