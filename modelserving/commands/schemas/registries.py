"""Which registry is meant, and what a schema on a command line names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.config import load_settings

if TYPE_CHECKING:
    from modelserving.kafka import Connection
    from modelserving.records import RecordSchema
    from modelserving.registry import SchemaRegistry

RegistryUrl = Annotated[
    str,
    typer.Option(
        "--schema-registry",
        help="A registry with Confluent's REST interface: its URL; none: SCHEMA_REGISTRY_URL, or else a topic.",
    ),
]


@contextmanager
def open_registry(url: str, connection: Connection | None = None) -> Iterator[SchemaRegistry]:
    """The registry behind a URL; without one, the one on a topic.

    Args:
        url: as the user named it; empty: as the settings name it, if they do.
        connection: to the cluster with the topic; ``None``: the one of the settings, or the embedded broker.

    Raises:
        ConfigError: the URL is none.
        BrokerUnavailable: no broker answers.
    """
    from modelserving.registry import ConfluentRegistry, TopicRegistry

    address = url or load_settings().schema_registry
    if address:
        with ConfluentRegistry(address) as registry:
            yield registry
    elif connection is not None:
        with closing(TopicRegistry(connection)) as registry:
            yield registry
    else:
        from modelserving.broker import use_broker

        with use_broker() as own, closing(TopicRegistry(own)) as registry:
            yield registry


def find_schema(named: str, registry: SchemaRegistry) -> tuple[RecordSchema, int]:
    """A schema from a file, or the newest of a subject.

    Args:
        named: a file, or a subject.
        registry: which knows the subject.

    Returns:
        The schema, and its number in the registry; 0 for a file.

    Raises:
        RecordError: the file is no schema.
        UnknownSchema: there is neither a file nor a subject of that name.
    """
    from modelserving.errors import UnknownSchema
    from modelserving.records.schema_files import read_schema

    if Path(named).is_file():
        return read_schema(Path(named)), 0
    versions = registry.versions(named)
    if not versions:
        known = ", ".join(registry.subjects()) or "none"
        raise UnknownSchema(f"there is no file and no subject {named!r}. Subjects in the registry: {known}.")
    return replace(versions[-1].definition.schema, subject=named), versions[-1].schema_id
