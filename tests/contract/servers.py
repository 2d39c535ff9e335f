"""The servers that the contract suite is run against. A new server is a word in ``SERVERS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import confluent_kafka
import pytest

from modelserving.kafka import Connection, make_producer, read_dead_letters, read_topic
from modelserving.kafka.dead_letters import DeadLetter
from modelserving.models.admin.publish import partition_of, send_command
from modelserving.records import (
    Action,
    ModelDescriptor,
    ModelType,
    ScoredRecord,
    Topics,
    WineRecord,
    decode_scored,
    encode_descriptor,
    encode_wine,
)
from modelserving.workshop.processes.process import ServerProcess
from tests.models.onnx_samples import onnx_bytes, operator
from tests.waiting import WAIT, let_commits_arrive, wait_until

SERVERS = ("stage", "stage-fast", "actor", "streams-memory", "streams-standard", "streams-custom")
"""Kinds, as ``modelserving serve`` names them; what stands after a hyphen is the store: ``streams-memory``. Or it is
``fast``, for librdkafka in place of kafka-python; the actor server opens both in the same way, so one has to prove it.
"""

CO_PARTITIONED = "streams-co-partitioned"
"""The streams server with the custom store, and the other way of models: with the records of their data type."""

SPECULATIVE = "speculative"
"""Several models asked about each record; where nothing is wanted, the one of the data type. It is the stage's
server with another score, so it is asked about answers, and the rest is the stage's;
``speculative-fast`` as for the others.
"""

whichever_way_models_come = pytest.mark.parametrize("pipeline", [*SERVERS, CO_PARTITIONED, SPECULATIVE], indirect=True)
"""Marks what depends on how models reach the records: it is asked of the other way, too. The rest is the same code."""

wherever_models_go = pytest.mark.parametrize(
    "pipeline", ["stage", "actor", "streams-custom", CO_PARTITIONED], indirect=True
)
"""Marks what is about models alone: neither the store of counts nor the client that reads records has a part in it."""

whichever_client_reads = pytest.mark.parametrize(
    "pipeline", ["stage", "stage-fast", "actor", "streams-custom"], indirect=True
)
"""Marks what each client has to read and write, but is in no store: the servers of the three stores are one there."""

whatever_the_store = pytest.mark.parametrize("pipeline", ["stage", "actor", "streams-custom"], indirect=True)
"""Marks what has nothing to do with where counts are kept: the servers of the three stores are one there."""

whoever_scores = pytest.mark.parametrize(
    "pipeline", ["stage", "stage-fast", "actor", "streams-custom", f"{SPECULATIVE}-fast"], indirect=True
)
"""Marks what a server says of each record; ``whichever_client_reads``, and the server that asks several models."""

WINE = WineRecord(7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A message by another client."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One server under test, and the topics on both sides of it."""

    kind: str
    connection: Connection
    topics: Topics
    environ: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """The prefix of its topics."""
        return self.topics.records.removesuffix("-wine-records")

    @property
    def keyed(self) -> bool:
        """Whether its records need their data type as key."""
        return self.kind == CO_PARTITIONED

    @property
    def partitions(self) -> int:
        """How many of them each of its topics has: with 3, wine is in one, white in another, and one is empty."""
        return 3 if self.keyed else 1

    def serve(self, *options: str, **more: str) -> ServerProcess:
        """Start the server as a process of its own; its name in the group stays the same over restarts."""
        kind, _, variant = self.kind.partition("-")
        store = ("--models", variant) if self.keyed else ("--store", variant) if variant else ()
        chosen = ("--fast",) if variant == "fast" else store
        fixed = (*chosen, "--port", "0", "--instance", "under-test", "--no-preload")
        return ServerProcess.start(kind, self.prefix, (*fixed, *options), {**self.environ, **more})

    def file(self, name: str, text: str) -> Path:
        """Write a file for the server to read."""
        target = Path(self.environ["MODELSERVING_HOME"]) / f"{self.prefix}-{name}"
        target.write_text(text, encoding="utf-8")
        return target

    def send_records(self, *values: bytes | None, data_type: str = "wine") -> None:
        """Publish messages to the records topic, and wait until the broker has them.

        Args:
            values: the messages.
            data_type: the key, where records need one.
        """
        with make_producer(self.connection) as producer:
            for value in values:
                key = data_type.encode() if self.keyed else b"" if value is None else None
                producer.send(self.topics.records, value=value, key=key)
            producer.flush()

    def send_foreign(self, topic: str, *messages: Foreign, **settings: object) -> None:
        """Publish with librdkafka, which compresses and frames in its own way.

        Args:
            topic: where to.
            messages: what.
            settings: librdkafka's own, with underscores for dots: ``compression_type="zstd"``.
        """
        options = {name.replace("_", "."): value for name, value in settings.items()}
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": self.connection.bootstrap_servers, "message.max.bytes": 100_000_000, **options}
        )
        for message in messages:
            producer.produce(topic, message.value, message.key, headers=list(message.headers))
        assert producer.flush(WAIT) == 0

    def send_wines(self, count: int, data_type: str = "wine") -> None:
        """Publish ``count`` good records."""
        self.send_records(*[encode_wine(wine(data_type))] * count, data_type=data_type)

    def send_model(self, *values: bytes | None, key: bytes = b"wine") -> None:
        """Publish messages to the models topic, as publishing does: the data type alone decides on the partition."""
        data_type = key.partition(b"@")[0].decode()
        with make_producer(self.connection) as producer:
            partition = partition_of(data_type, len(producer.partitions_for(self.topics.models)))
            for value in values:
                producer.send(self.topics.models, value=value, key=key, partition=partition)
            producer.flush()

    def command(self, action: Action, digest: str = "", percent: float = 0.0) -> None:
        """Send a command about the models for wine."""
        send_command(self.connection, self.topics, action, "wine", digest, percent)

    def slots(self, server: ServerProcess) -> tuple[str, str, str]:
        """Which model for wine is current, previous and shadow, by name; ``-`` for none."""
        state = server.get("/state")
        beside = [state["previous"], state["shadow"]]
        previous, shadow = (found["name"] if isinstance(found, dict) else "-" for found in beside)
        return str(state["name"]).replace("None", "-"), previous, shadow

    def wait_for_slots(self, server: ServerProcess, *expected: str) -> None:
        """Wait until the models are in their slots."""
        wait_until(lambda: self.slots(server) == expected, f"{expected}")

    def scored(self) -> list[ScoredRecord]:
        """The answers that can be read now, in the order of their partition and offset."""
        let_commits_arrive(self.connection, self.topics.scored)
        found = [decode_scored(message.value) for message in read_topic(self.connection, self.topics.scored)]
        return sorted(found, key=lambda scored: (scored.partition, scored.offset))

    def answered(self) -> int:
        """How many answers can be read at once: for a server in the middle of its work, which nobody waits for."""
        return sum(1 for _ in read_topic(self.connection, self.topics.scored))

    def dead(self) -> list[DeadLetter]:
        """The dead letters that can be read now."""
        let_commits_arrive(self.connection, self.topics.dead_letters)
        return read_dead_letters(self.connection, self.topics.dead_letters)

    def settled(self, server: ServerProcess, records: int) -> Callable[[], bool]:
        """A condition: the server has dealt with so many records since it was started."""

        def check() -> bool:
            state = server.get("/state")
            return sum(int(str(state[name])) for name in ("scored", "skipped", "dead_lettered")) >= records

        return check


def wine(data_type: str = "wine", **changes: float) -> WineRecord:
    """A good record, with some fields changed."""
    values = {name: getattr(WINE, name) for name in WINE.__slots__ if name != "data_type"}
    return WineRecord(**{**values, **changes}, data_type=data_type)


def constant_model(answer: float, name: str, data_type: str = "wine", version: str = "1") -> ModelDescriptor:
    """A model that answers the same for each record: in ONNX, for which no server has to start a Java."""
    nodes = [
        operator("Mul", "alcohol", "zero", output="nothing"),
        operator("Add", "nothing", "answer", output="quality"),
    ]
    data = onnx_bytes(nodes, {"alcohol": 1}, {"zero": [0.0], "answer": [answer]})
    return ModelDescriptor(name, "answers always the same", data_type, ModelType.ONNX, data, version=version)


def regression(intercept: float, **coefficients: float) -> bytes:
    """A linear regression in PMML."""
    fields = "".join(f'<DataField name="{name}" optype="continuous" dataType="double"/>' for name in coefficients)
    used = "".join(f'<MiningField name="{name}"/>' for name in coefficients)
    terms = "".join(f'<NumericPredictor name="{name}" coefficient="{value}"/>' for name, value in coefficients.items())
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<PMML xmlns="http://www.dmg.org/PMML-4_3" version="4.3"><Header/>
<DataDictionary>
  <DataField name="quality" optype="continuous" dataType="double"/>{fields}
</DataDictionary>
<RegressionModel functionName="regression">
  <MiningSchema><MiningField name="quality" usageType="target"/>{used}</MiningSchema>
  <RegressionTable intercept="{intercept}">{terms}</RegressionTable>
</RegressionModel></PMML>""".encode()


def classifier(cold: str, warm: str, limit: float) -> bytes:
    """A tree that answers ``warm`` above a limit of alcohol, else ``cold``."""
    leaves = "".join(
        f'<Node score="{label}">{test}<ScoreDistribution value="{label}" recordCount="1"/></Node>'
        for label, test in (
            (warm, f'<SimplePredicate field="alcohol" operator="greaterThan" value="{limit}"/>'),
            (cold, "<True/>"),
        )
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<PMML xmlns="http://www.dmg.org/PMML-4_3" version="4.3"><Header/>
<DataDictionary>
  <DataField name="quality" optype="categorical" dataType="string">
    <Value value="{cold}"/><Value value="{warm}"/>
  </DataField>
  <DataField name="alcohol" optype="continuous" dataType="double"/>
</DataDictionary>
<TreeModel functionName="classification" splitCharacteristic="multiSplit">
  <MiningSchema><MiningField name="quality" usageType="target"/><MiningField name="alcohol"/></MiningSchema>
  <Node><True/>{leaves}</Node>
</TreeModel></PMML>""".encode()


def by_reference(model: ModelDescriptor, location: str) -> ModelDescriptor:
    """The same model, with its bytes elsewhere."""
    return replace(model, data=b"", location=location, sha256=model.digest)


def published(*models: ModelDescriptor) -> Sequence[bytes]:
    """Models as the bytes of messages."""
    return [encode_descriptor(model) for model in models]


GOOD = constant_model(5.0, "five")
"""What serves where a test says nothing else."""
