"""How a server runs: what all kinds of server can be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelserving.datasets import default_schemas
from modelserving.models.lifecycle.build import Builder, build_candidate
from modelserving.models.lifecycle.fetch import NOTHING_ALLOWED, FetchPolicy
from modelserving.models.store.repository import ModelRepository
from modelserving.records import TOPICS, RecordSchema, Topics
from modelserving.records.codecs.written import WriterCodecs
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.traces import BatchTracer
from modelserving.tracing import RecordTracer


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server runs, of whatever kind. What only one kind can be told stays with that kind.

    Args:
        topics: what it reads and writes.
        group: consumer group; servers of one group share the records.
        instance: this server's name in the group; unique, and the same after a restart.
        url: where it can be asked, by people and by the other instances.
        max_records: the most records in a batch.
        preload: start the engines of all formats before serving. Without, the server serves sooner, and the first model
            of each format waits for its engine.
        repository: keeps every model that serves, and brings back those that compaction took; or ``None``.
        fetch: which models by reference are fetched.
        build: makes a model of a descriptor.
        schemas: of the records on the records' topic.
        writers: knows the schemas that records name by number; ``None``: all were written with ``schemas``.
        fast: read and write the records' topics with librdkafka (the extra ``fast``) instead of kafka-python; where
            the server does that itself.
        frame: what stands before each answer: Confluent's prefix with the number of their schema, or nothing.
        tracer: follows the records that come with a trace; ``None``: their headers only go on with the answers.
    """

    topics: Topics = TOPICS
    group: str = "model-server"
    instance: str = "0"
    url: str = "http://127.0.0.1:5500"
    max_records: int = 10_000
    preload: bool = True
    repository: ModelRepository | None = None
    fetch: FetchPolicy = NOTHING_ALLOWED
    build: Builder = build_candidate
    schemas: tuple[RecordSchema, ...] = field(default_factory=default_schemas)
    writers: WriterCodecs | None = None
    fast: bool = False
    frame: bytes = b""
    tracer: RecordTracer | None = None

    def make_decoder(self) -> RecordDecoder:
        """What reads its records."""
        return RecordDecoder(self.schemas, writers=self.writers)

    def make_batch_tracer(self) -> BatchTracer:
        """What follows its records."""
        return BatchTracer(self.tracer, self.topics.records, self.topics.scored, self.group)

    @property
    def member(self) -> str:
        """What the broker knows this server by, as a consumer and as a producer."""
        return f"{self.group}-{self.instance}"
