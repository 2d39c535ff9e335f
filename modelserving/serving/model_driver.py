"""What drives the controller in every server: how models are made, where refusals go, what happens before and after.

A server adds two things of its own: whose thread this runs in, and how an update is handed to whoever scores, between
two batches. The stage and the actors do that on their event loop (``serving/model_source.py``), the Kafka Streams
server in a thread beside the engine's (``streams_server/model_thread.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from modelserving.kafka import Connection
from modelserving.kafka.messages import Message
from modelserving.models.formats import factory
from modelserving.models.lifecycle.controller import ModelController
from modelserving.models.lifecycle.refusals import RefusalWriter
from modelserving.models.lifecycle.topics import recall
from modelserving.serving.options import ServerOptions


class ModelDriver:
    """A controller with all that it needs.

    Args:
        connection: to the cluster.
        options: which topics, how models are built and fetched, and where they are kept.
    """

    def __init__(self, connection: Connection, options: ServerOptions) -> None:
        self._preload = options.preload
        self._refusals = RefusalWriter(connection, options.topics)
        self.controller = ModelController(
            options.topics,
            self._refusals.write,
            build=options.build,
            repository=options.repository,
            fetch=options.fetch,
            recall=partial(recall, connection, options.topics),
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
