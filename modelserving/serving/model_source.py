"""The models inlet: models and commands, read to their end before scoring starts, then followed for ever.

Building happens in a thread of its own, so that a model that takes seconds to load delays no record.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self, TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from kafka.errors import KafkaError

from modelserving.kafka import Connection
from modelserving.models.info import SlotsUpdate
from modelserving.models.lifecycle.topics import ModelTopics
from modelserving.serving.model_driver import ModelDriver
from modelserving.serving.options import ServerOptions
from modelserving.serving.running.worker_thread import WorkerThread

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0

Apply: TypeAlias = Callable[[SlotsUpdate], Awaitable[object]]


class ModelSource:
    """Models from the models and the control topic, ready to take effect.

    A model that cannot be built, or answers its golden records wrongly, and a command that cannot be followed, go to
    the dead-letter topic with the reason; whoever serves goes on serving.

    Args:
        connection: to the cluster.
        options: which topics, how models are built and fetched, and where they are kept.
    """

    def __init__(self, connection: Connection, options: ServerOptions) -> None:
        self._connection = connection
        self._topics = topics = options.topics
        self._driver = ModelDriver(connection, options)
        self.controller = self._driver.controller
        self._reading = WorkerThread(f"models-{topics.models}")
        self._building = WorkerThread(f"build-{topics.models}")
        self._ordering = WorkerThread(f"order-{topics.models}")
        self._applying = anyio.Lock()

    async def __aenter__(self) -> Self:
        self._messages = await self._reading.run(ModelTopics, self._connection, self._topics, self.controller.pass_over)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reading.finish(self._messages.close)
        await self._building.finish(self._driver.close)
        self._ordering.close()

    async def preload(self) -> None:
        """Start the engines, if that is wanted, in the thread that will build with them.

        Raises:
            SetupError: an engine is missing.
        """
        await self._building.run(self._driver.preload)

    async def read_to_end(self, apply: Apply) -> None:
        """Read the topics to their present end, and have the current models set that they lead to.

        A server that starts is not worse off than one that was running all the time: where the newest model is not fit
        to serve, the one before it is built; for a source that does not answer it waits while retries remain. Previous
        models and shadows follow with ``follow``.

        Args:
            apply: sets the slots of a data type.
        """
        await self._building.run(self._driver.take, await self._reading.run(self._messages.read_to_end), False)
        await self._settle(apply, only_current=True)
        while (pause := self.controller.pause) is not None:
            await anyio.sleep(pause)
            await self._settle(apply, only_current=True)

    async def follow(self, apply: Apply) -> None:
        """Have each further update applied as soon as it is ready, for ever.

        While a model is built, the topics are read on: what comes may overtake it, and a command that needs no model to
        be built is obeyed meanwhile.
        """
        heard, news = anyio.create_memory_object_stream[None](1)
        said, word = anyio.create_memory_object_stream[None](1)
        async with heard, news, said, word, anyio.create_task_group() as tasks:
            tasks.start_soon(self._read_on, heard, said)
            tasks.start_soon(self._obey, word, apply)
            while True:
                await self._settle(apply)
                with anyio.move_on_after(self.controller.pause):
                    await news.receive()

    async def _settle(self, apply: Apply, only_current: bool = False) -> None:
        """As ``ModelController.settle``, without holding up the event loop."""
        await self._apply_updates(apply, only_current)
        while await self._building.run(self.controller.build, only_current):
            await self._apply_updates(apply, only_current)

    async def _apply_updates(self, apply: Apply, only_current: bool = False) -> None:
        async with self._applying:
            while (update := await self._ordering.run(self.controller.update, only_current)) is not None:
                await apply(update)
                self.controller.done(update)

    async def _obey(self, word: MemoryObjectReceiveStream[None], apply: Apply) -> None:
        """Do at once what needs no model to be built, whatever is being built."""
        async for _ in word:
            await self._apply_updates(apply)

    async def _read_on(self, *listeners: MemoryObjectSendStream[None]) -> None:
        while True:
            try:
                messages = await self._reading.run(self._messages.poll)
            except KafkaError as error:
                log.warning("the topics about models cannot be read now (%r); again in a second", error)
                await anyio.sleep(_AGAIN_SECONDS)
                continue
            if messages:
                await self._reading.run(self._driver.take, messages, True)
                for listener in listeners:
                    with suppress(anyio.WouldBlock):  # one piece of news is enough
                        listener.send_nowait(None)
