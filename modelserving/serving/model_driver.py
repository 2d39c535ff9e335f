"""What drives the controller in every server: how models are made, where refusals go, what happens before and after.

A server adds two things of its own: whose thread this runs in, and how an update is handed to whoever scores, between
two batches. The stage and the actors do that on their event loop (``serving/model_source.py``), the Kafka Streams
server in a thread beside the engine's (``streams_server/model_thread.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from modelserving.kafka import Connection
from modelserving.kafka.messages import Message
from modelserving.models.formats import factory
from modelserving.models.lifecycle.build import Builder, build_candidate
from modelserving.models.lifecycle.controller import ModelController
from modelserving.models.lifecycle.fetch import NOTHING_ALLOWED, FetchPolicy
from modelserving.models.lifecycle.refusals import RefusalWriter
from modelserving.models.lifecycle.topics import recall
from modelserving.models.store.repository import ModelRepository
from modelserving.records import Topics

__all__ = ["ModelDriver", "ModelOptions"]


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Where models come from.

    Args:
        connection: to the cluster.
        topics: ``models`` and ``control`` are read, failures go to ``dead_letters``.
        repository: keeps what serves, and has what compaction took from the topic; or ``None``.
        fetch: which models by reference are fetched.
        preload: start the engines of all formats before the models are built.
        build: makes a model of a descriptor.
    """

    connection: Connection
    topics: Topics
    repository: ModelRepository | None = None
    fetch: FetchPolicy = field(default=NOTHING_ALLOWED)
    preload: bool = False
    build: Builder = build_candidate


class ModelDriver:
    """A controller with all that it needs.

    Args:
        options: where models come from.
    """

    def __init__(self, options: ModelOptions) -> None:
        self._preload = options.preload
        self._refusals = RefusalWriter(options.connection, options.topics)
        self.controller = ModelController(
            options.topics,
            self._refusals.write,
            build=options.build,
            repository=options.repository,
            fetch=options.fetch,
            recall=partial(recall, options.connection, options.topics),
        )

    def preload(self) -> None:
        """Start the engines, if that is wanted, in the thread that will build with them.

        Raises:
            SetupError: an engine is missing.
        """
        if self._preload:
            factory.preload()

    def take(self, messages: Iterable[Message], live: bool) -> None:
        """Note what messages say; ``live`` as in ``ModelController.take``."""
        for message in messages:
            self.controller.take(message, live)

    def close(self) -> None:
        """Close what was built and is in no slot, and send the refusals that are on their way. Twice does nothing."""
        self.controller.close()
        self._refusals.close()
