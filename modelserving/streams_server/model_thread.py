"""Keeps the models of a process, or of one of its tasks, as the messages about them say.

What a message means is decided where all servers decide it, at the ``ModelController``. Building happens in a thread of
its own, so that a model that takes seconds to load delays no record; it is set between two batches.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from modelserving.errors import ServerError
from modelserving.kafka import Connection
from modelserving.kafka.messages import Message
from modelserving.models.formats import factory
from modelserving.models.lifecycle.build import Builder, build_candidate
from modelserving.models.lifecycle.controller import ModelController
from modelserving.models.lifecycle.fetch import NOTHING_ALLOWED, FetchPolicy
from modelserving.models.lifecycle.refusals import RefusalWriter
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.lifecycle.topics import recall
from modelserving.models.store.repository import ModelRepository
from modelserving.records import Topics

__all__ = ["ModelOptions", "ModelThread"]

log = logging.getLogger(__name__)

_CLOSE_SECONDS = 5.0


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


class ModelThread:
    """Models in their slots, and the thread that puts them there.

    Args:
        options: where they come from.
    """

    def __init__(self, options: ModelOptions) -> None:
        self.slots = ModelSlots()
        self.error: BaseException | None = None
        self._options = options
        self._refusals = RefusalWriter(options.connection, options.topics)
        self.controller = ModelController(
            options.topics,
            self._refusals.write,
            build=options.build,
            repository=options.repository,
            fetch=options.fetch,
            recall=partial(recall, options.connection, options.topics),
        )
        self._seen: set[tuple[str, int, int, int]] = set()
        self._live = False
        self._read, self._news, self._ready = threading.Event(), threading.Event(), threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="models", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether all models that were there at the start are in their slots."""
        return self._ready.is_set()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def take(self, message: Message) -> None:
        """Note what a message says; once only, also when it comes again. Any thread may call this."""
        place = (message.topic, message.partition, message.offset, message.timestamp)  # a topic may be made anew
        if place not in self._seen:
            self._seen.add(place)
            self.controller.take(message, live=self._live)
            self._news.set()

    def begin(self, messages: Iterable[Message] = ()) -> None:
        """All that was there at the start was taken: build what it leads to.

        Args:
            messages: the last of it.
        """
        for message in messages:
            self.take(message)
        self._live = True
        self._read.set()
        self._news.set()

    def wait_until_ready(self) -> None:
        """Wait until all models that were there at the start are in their slots.

        Raises:
            ServerError: that will not be.
        """
        self._ready.wait()
        if self._stopping or self.error is not None:
            raise ServerError("the models are not ready, and the server is ending.")

    def close(self) -> None:
        """End the thread, and retire all models. A second call does nothing."""
        self._stopping = True
        for event in (self._read, self._news, self._ready):
            event.set()
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_SECONDS)
        self._refusals.close()
        self.controller.close()
        self.slots.close()

    def _work(self) -> None:
        """Build, check and swap until the end."""
        try:
            if self._options.preload:
                factory.preload()
            self._read.wait()
            self._settle(only_current=True)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self._ready.set()
        while not self._stopping:
            try:
                self._settle()
            except Exception:
                log.exception("the models could not be brought up to date")
            if not self._stopping:
                self._news.wait()

    def _settle(self, only_current: bool = False) -> None:
        """Do what the messages say. The pause before a place is tried again ends early with news, or at the end."""
        self._news.clear()
        while not self._stopping:
            self.controller.settle(self.slots.apply, only_current)
            if (pause := self.controller.pause) is None:
                return
            self._news.wait(pause)
            self._news.clear()
