"""A real registry, beside a real broker: ``make test-registry``, where ``modelserving registry install`` was run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modelserving.datasets import default_schemas
from modelserving.errors import SchemaError, UnknownSchema
from modelserving.kafka import Connection
from modelserving.records import Column, ColumnType, RecordSchema
from modelserving.registry import ConfluentRegistry, Rule, define
from modelserving.registry.apicurio import is_installed, run_registry

pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.registry,
    pytest.mark.skipif(not is_installed(), reason="no registry is here (modelserving registry install)"),
]


def test_a_real_registry_keeps_schemas_and_their_rules(connection: Connection, tmp_path: Path) -> None:
    """Of all encodings; what breaks the rule is refused; and all of it outlasts the registry."""
    schema = RecordSchema("person", (Column("age", ColumnType.INT64), Column("name", ColumnType.STRING)))
    numbers = {}
    with run_registry(connection, 0, tmp_path / "first.log") as url, ConfluentRegistry(url) as registry:
        for encoding in ("avro", "json", "protobuf"):
            subject, kind = f"person-{encoding}", replace(schema, encoding=encoding)
            numbers[subject] = registry.register(subject, define(kind)).schema_id
            registry.set_rule(subject, Rule.FULL)
            assert registry.rule(subject) is Rule.FULL
            assert registry.find(numbers[subject]).is_like(define(kind))
            other = replace(kind, columns=(Column("age", ColumnType.STRING), schema.columns[1]))
            with pytest.raises(SchemaError, match="age"):
                registry.register(subject, define(other))
        registry.register("wine", define(default_schemas()[0]))
        with pytest.raises(UnknownSchema):
            registry.find(4711)
    with run_registry(connection, 0, tmp_path / "second.log") as url, ConfluentRegistry(url) as registry:
        assert {*registry.subjects()} >= {*numbers, "wine"}
        for subject, number in numbers.items():
            assert registry.versions(subject)[0].schema_id == number
