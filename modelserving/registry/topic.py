"""A registry on a Kafka topic: nothing to install.

The topic has one partition, and its order decides. The number of a schema is the offset of its message and one, so
that two who register at once never get the same; whether a message became a version is a pure function of those before
it, and each reader comes to the same answer. Each message has a key of its own: compaction takes none away.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Mapping
from typing import Any

from modelserving.errors import RecordError, SchemaError, UnknownSchema
from modelserving.kafka import Connection, make_consumer, make_producer
from modelserving.kafka.admin import create_named_topics, end_offsets
from modelserving.registry.compatibility import Rule, check_compatible
from modelserving.registry.definition import Definition, kept_definition
from modelserving.registry.registry import RegisteredSchema
from modelserving.system.nesting import read_json

log = logging.getLogger(__name__)

SCHEMAS_TOPIC = "record-schemas"
"""The topic that keeps schemas unless told otherwise."""
_SETTINGS = {"cleanup.policy": "compact", "retention.ms": "-1"}
_POLL_MS = 100
_SENT_WITHIN_S = 60


class TopicRegistry:
    """Schemas on a topic; as ``SchemaRegistry``. Any thread may use it.

    Args:
        connection: to the cluster.
        topic: made if it is not there.

    Raises:
        BrokerUnavailable: no broker answers.
    """

    def __init__(self, connection: Connection, topic: str = SCHEMAS_TOPIC) -> None:
        self._connection = connection
        self._topic = topic
        self._history = SchemaHistory()
        self._lock = threading.Lock()
        create_named_topics(connection, {topic: (1, _SETTINGS)})

    def register(self, subject: str, definition: Definition) -> RegisteredSchema:
        """As ``SchemaRegistry``."""
        with self._lock:
            self._catch_up()
            existing = self._history.look_up(subject, definition)
            if existing is not None:
                return existing
            self._history.check(subject, definition)
            said = {"subject": subject, "encoding": definition.encoding, "definition": definition.text}
            return self._history.outcome(self._send(said))

    def find(self, schema_id: int) -> Definition:
        """As ``SchemaRegistry``."""
        with self._lock:
            if schema_id not in self._history.by_id:
                self._catch_up()
            found = self._history.by_id.get(schema_id)
        if found is None:
            raise UnknownSchema(
                f"the registry on topic {self._topic!r} knows no schema {schema_id}. Was the record written with "
                "another registry? `modelserving schema list` shows what is there."
            )
        return found.definition

    def subjects(self) -> tuple[str, ...]:
        """As ``SchemaRegistry``."""
        with self._lock:
            self._catch_up()
            return tuple(sorted(self._history.versions))

    def versions(self, subject: str) -> tuple[RegisteredSchema, ...]:
        """As ``SchemaRegistry``."""
        with self._lock:
            self._catch_up()
            return tuple(self._history.versions.get(subject, ()))

    def rule(self, subject: str) -> Rule:
        """As ``SchemaRegistry``."""
        with self._lock:
            self._catch_up()
            return self._history.rule(subject)

    def set_rule(self, subject: str, rule: Rule) -> None:
        """As ``SchemaRegistry``."""
        with self._lock:
            self._send({"subject": subject, "rule": rule.value})

    def close(self) -> None:
        """As ``SchemaRegistry``; it holds nothing open."""

    def _send(self, said: Mapping[str, str]) -> int:
        """Write a message, read up to it, and return its offset."""
        from kafka.errors import KafkaError as ClientError

        value = json.dumps(said, ensure_ascii=False).encode()
        with make_producer(self._connection) as producer:
            try:
                sent = producer.send(self._topic, key=uuid.uuid4().bytes, value=value).get(timeout=_SENT_WITHIN_S)
            except ClientError as error:
                raise SchemaError(f"the broker does not take the schema of {said['subject']!r}: {error}.") from error
        self._catch_up()
        offset: int = sent.offset
        return offset

    def _catch_up(self) -> None:
        """Read what was written since the last time."""
        from kafka import TopicPartition

        end = end_offsets(self._connection, self._topic).get(0, 0)
        if self._history.next >= end:
            return
        partition = TopicPartition(self._topic, 0)
        with make_consumer(self._connection) as consumer:
            consumer.assign([partition])
            consumer.seek(partition, self._history.next)
            while consumer.position(partition) < end:
                for message in consumer.poll(timeout_ms=_POLL_MS).get(partition, ()):
                    self._history.add(message.offset, message.value)
        self._history.next = max(self._history.next, end)


class SchemaHistory:
    """What the messages of such a topic come to, in their order."""

    def __init__(self) -> None:
        self.next = 0
        self.versions: dict[str, list[RegisteredSchema]] = {}
        self.by_id: dict[int, RegisteredSchema] = {}
        self._rules: dict[str, Rule] = {}
        self._refused: dict[int, SchemaError] = {}

    def add(self, offset: int, value: bytes | None) -> None:
        """Take the next message; one that is none of ours is passed over, with a warning."""
        self.next = offset + 1
        try:
            said: Any = read_json(value or b"null")
            if "rule" in said:
                self._rules[str(said["subject"])] = Rule(said["rule"])
            else:
                self._add_schema(
                    offset + 1, str(said["subject"]), kept_definition(said["encoding"], said["definition"])
                )
        except SchemaError as error:
            self._refused[offset] = error
        except (RecordError, ValueError, KeyError, TypeError) as error:
            log.warning("the message at offset %d of the schemas' topic is passed over: %s", offset, error)

    def rule(self, subject: str) -> Rule:
        """That of a subject; backward unless told otherwise."""
        return self._rules.get(subject, Rule.BACKWARD)

    def look_up(self, subject: str, definition: Definition) -> RegisteredSchema | None:
        """The version that says the same, or ``None``."""
        return next((one for one in self.versions.get(subject, ()) if one.definition.is_like(definition)), None)

    def check(self, subject: str, definition: Definition) -> None:
        """Hold a schema against the subject's versions.

        Raises:
            SchemaError: it breaks the rule.
        """
        before = [(one.version, one.definition) for one in self.versions.get(subject, ())]
        check_compatible(self.rule(subject), subject, definition, before)

    def outcome(self, offset: int) -> RegisteredSchema:
        """What became of the message at an offset.

        Raises:
            SchemaError: another version came first, which it breaks.
        """
        if offset + 1 in self.by_id:
            return self.by_id[offset + 1]
        raise self._refused.get(offset) or SchemaError(f"the schema at offset {offset} cannot be read back.")

    def _add_schema(self, schema_id: int, subject: str, definition: Definition) -> None:
        existing = self.look_up(subject, definition)
        if existing is None:
            self.check(subject, definition)
            known = self.versions.setdefault(subject, [])
            existing = RegisteredSchema(schema_id, subject, len(known) + 1, definition)
            known.append(existing)
        self.by_id[schema_id] = existing
