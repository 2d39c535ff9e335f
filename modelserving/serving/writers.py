"""Records that name the schema they were written with, by its number in a registry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelserving.errors import BrokerUnavailable, RegistryUnavailable
from modelserving.kafka import Connection
from modelserving.records import RecordSchema
from modelserving.records.codecs.codec import Codec
from modelserving.registry import CachedRegistry, ConfluentRegistry, TopicRegistry, define, reading_codec


@dataclass(slots=True)
class RegisteredWriters:
    """Finds how a record was written, by number; each is asked for once. It can be sent to another process.

    Args:
        connection: to the cluster, whose topic of schemas is the registry where no URL is given.
        url: of a registry with Confluent's interface.
        framed: whether each record begins with Confluent's framing; else its header ``schema-id`` says the number, if
            it has one.
        away: why nobody could say last time; empty while all is well.
    """

    connection: Connection
    url: str = ""
    framed: bool = False
    away: str = field(default="", compare=False)
    _registry: CachedRegistry | None = field(default=None, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.connection.bootstrap_servers, dict(self.connection.options), self.url, self.framed)

    def codec(self, schema_id: int, reader: RecordSchema) -> Codec:
        """What reads records that were written with a schema, as another has them; as ``WriterCodecs``."""
        if self._registry is None:
            self._registry = CachedRegistry(ConfluentRegistry(self.url) if self.url else TopicRegistry(self.connection))
        try:
            found = self._registry.find(schema_id)
        except (BrokerUnavailable, RegistryUnavailable) as error:
            self.away = str(error)
            raise
        self.away = ""
        return reading_codec(found, define(reader))


def _restore(servers: str, options: dict[str, object], url: str, framed: bool) -> RegisteredWriters:
    return RegisteredWriters(Connection(servers, options), url, framed)
