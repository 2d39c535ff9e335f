"""A small dataset, and what is on a topic."""

from __future__ import annotations

from collections.abc import Sequence

from modelserving.client import Dataset
from modelserving.kafka import Connection, read_topic
from modelserving.records import ModelDescriptor, ModelType
from tests.fakes import wine


def dataset(records: int = 4, models: Sequence[str] = ("a",)) -> Dataset:
    """So many records, no two alike, and models with these names."""
    return Dataset(
        tuple(wine(alcohol=9.0 + number) for number in range(records)),
        tuple(ModelDescriptor(name, f"about {name}", "wine", ModelType.PMML, b"<PMML/>") for name in models),
    )


def values(connection: Connection, topic: str) -> list[bytes]:
    """The values of all messages on a topic."""
    return [message.value for message in read_topic(connection, topic)]
