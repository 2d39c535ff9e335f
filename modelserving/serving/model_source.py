"""The models inlet: models and commands, read to their end before scoring starts, then followed for ever.

Building happens in a thread of its own, so that a model that takes seconds to load delays no record.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from kafka.errors import KafkaError

from modelserving.kafka import Connection
from modelserving.kafka.messages import Message
from modelserving.models.formats import factory
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.changes import Change, Promote
from modelserving.models.lifecycle.controller import ModelController
from modelserving.models.lifecycle.fetch import NOTHING_ALLOWED, FetchPolicy
from modelserving.models.lifecycle.history import LogPosition
from modelserving.models.lifecycle.reconcile import Build
from modelserving.models.lifecycle.refusals import RefusalWriter
from modelserving.models.lifecycle.topics import ModelTopics
from modelserving.models.store.repository import ModelRepository
from modelserving.records import ModelDescriptor, Topics
from modelserving.serving.worker_thread import WorkerThread

__all__ = ["ModelSource"]

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0


class ModelSource:
    """Changes of models, ready to take effect, from the models and the control topic.

    A model that cannot be built, or answers its golden records wrongly, and a command that cannot be followed, go to
    the dead-letter topic with the reason; whoever serves goes on serving.

    Args:
        connection: to the cluster.
        topics: ``models`` and ``control`` are read, failures go to ``dead_letters``.
        build: from a descriptor to a model that is fit to serve.
        repository: keeps what serves, and has what compaction took from the topic; or ``None``.
        references: which models by reference are fetched.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Topics,
        build: Callable[[ModelDescriptor], LoadedModel] = build_candidate,
        repository: ModelRepository | None = None,
        references: FetchPolicy = NOTHING_ALLOWED,
    ) -> None:
        self._connection = connection
        self._refusals = RefusalWriter(connection, topics)
        self._topics = topics
        self._reading = WorkerThread(f"models-{topics.models}")
        self._building = WorkerThread(f"build-{topics.models}")
        self._desk = ModelController(
            topics,
            self._refusals.write,
            build=build,
            repository=repository,
            references=references,
            recall=self._recall,
        )

    @property
    def refused(self) -> int:
        """How many messages were no model fit to serve, or no command that can be followed."""
        return self._desk.refused

    @property
    def absent(self) -> Mapping[str, str]:
        """For each data type whose last command names a model that is nowhere: what is wrong, and how to mend it."""
        return self._desk.absent

    @property
    def overtaken(self) -> int:
        """How many models were overtaken by a newer one before they could serve."""
        return self._desk.overtaken

    @property
    def data_types(self) -> tuple[str, ...]:
        """The data types that the topics have spoken of, also those whose models are retired, in alphabetical order."""
        return self._desk.data_types

    async def __aenter__(self) -> Self:
        self._messages = await self._reading.run(ModelTopics, self._connection, self._topics, self._desk.pass_over)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reading.finish(self._messages.close)
        await self._building.finish(self._finish)

    async def preload(self) -> None:
        """Start the engines, in the thread that will build with them.

        Raises:
            SetupError: an engine is missing.
        """
        await self._building.run(factory.preload)

    async def read_to_end(self) -> tuple[Change, ...]:
        """Read the topics to their present end, and build the model that belongs in each current place.

        A server that starts is not worse off than one that was running all the time: where the newest model is not fit
        to serve, the one before it is built; for a place that does not answer it waits as long as it is tried again.
        Previous models and shadows follow with ``follow``.
        """
        await self._building.run(self._take, await self._reading.run(self._messages.read_to_end), False)
        changes: list[Change] = []
        try:
            while (change := await self._next_at_start()) is not None:
                changes.append(change)
                await self._building.run(self._desk.done, change)
        except BaseException:
            for change in changes:
                if isinstance(change, Promote):
                    change.served.close()
            raise
        return tuple(changes)

    async def follow(self, changes: MemoryObjectSendStream[Change]) -> None:
        """Send each further change as soon as it is ready, for ever.

        While a model is built, the topics are read on: what comes may overtake it.
        """
        async with anyio.create_task_group() as tasks:
            send, news = anyio.create_memory_object_stream[None](1)
            tasks.start_soon(self._read_on, send)
            async with send, news:
                while True:
                    await self._settle(changes)
                    with anyio.move_on_after(self._desk.pause):
                        await news.receive()

    async def _settle(self, changes: MemoryObjectSendStream[Change]) -> None:
        while (change := await self._next()) is not None:
            await changes.send(change)
            await self._building.run(self._desk.done, change)

    async def _next_at_start(self) -> Change | None:
        """The next change; a place that does not answer is waited for as long as it is tried again."""
        while (change := await self._next(only_current=True)) is None and (pause := self._desk.pause) is not None:
            await anyio.sleep(pause)
        return change

    async def _next(self, only_current: bool = False) -> Change | None:
        """The next change, once its model is built."""
        while True:
            step = await self._building.run(self._desk.work, only_current)
            if not isinstance(step, Build):
                return step

    async def _read_on(self, news: MemoryObjectSendStream[None]) -> None:
        while True:
            try:
                messages = await self._reading.run(self._messages.poll)
            except KafkaError as error:
                log.warning("the topics about models cannot be read now (%r); again in a second", error)
                await anyio.sleep(_AGAIN_SECONDS)
                continue
            if messages:
                await self._reading.run(self._take, messages, True)
                with suppress(anyio.WouldBlock):  # one piece of news is enough
                    news.send_nowait(None)

    def _take(self, messages: list[Message], live: bool) -> None:
        for message in messages:
            self._desk.take(message, live)

    def _recall(self, stamp: LogPosition) -> Message | None:
        return self._messages.recall(stamp)

    def _finish(self) -> None:
        self._desk.close()
        self._refusals.close()
