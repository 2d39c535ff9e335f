"""Keeps the models of a process, or of one of its tasks, as the messages about them say.

What a message means is decided where all servers decide it, at the ``ModelController``. Building happens in a thread of
its own, so that a model that takes seconds to load delays no record; it is set between two batches. A command that
needs no model to be built waits for none: another thread obeys it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from contextlib import suppress

from modelserving.errors import ServerError
from modelserving.kafka import Connection
from modelserving.kafka.messages import Message
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.serving.model_driver import ModelDriver
from modelserving.serving.options import ServerOptions
from modelserving.system.interrupts import join_thread
from modelserving.system.stopping import StopWaiting, pause_until, stoppable

log = logging.getLogger(__name__)

_CLOSE_SECONDS = 5.0


class ModelThread:
    """Models in their slots, and the threads that put them there.

    Args:
        connection: to the cluster.
        options: where models come from.
    """

    def __init__(self, connection: Connection, options: ServerOptions) -> None:
        self.slots = ModelSlots()
        self.error: BaseException | None = None
        self._driver = ModelDriver(connection, options)
        self.controller = self._driver.controller
        self._seen: set[tuple[str, int, int, int]] = set()
        self._live = False
        self._read, self._news, self._ready = threading.Event(), threading.Event(), threading.Event()
        self._said, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)
        self._obeying = threading.Thread(target=self._obey, name="models-obey", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether all models that were there at the start are in their slots."""
        return self._ready.is_set()

    def start(self) -> None:
        """Start the threads."""
        self._thread.start()
        self._obeying.start()

    def take(self, message: Message) -> None:
        """Note what a message says; once only, also when it comes again. Any thread may call this."""
        position = (message.topic, message.partition, message.offset, message.timestamp)  # a topic may be made anew
        if position not in self._seen:
            self._seen.add(position)
            self._driver.take([message], self._live)
            self._news.set()
            self._said.set()

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
            StopWaiting: the task that waits is not wanted any more.
        """
        pause_until(self._ready)
        if self._stop.is_set() or self.error is not None:
            raise ServerError("the models are not ready, and the server is ending.")

    def close(self) -> None:
        """End the threads, and retire all models. A second call does nothing."""
        for event in (self._stop, self._read, self._news, self._said, self._ready):
            event.set()
        for thread in (self._thread, self._obeying):
            join_thread(thread, _CLOSE_SECONDS)
        self._driver.close()
        self.slots.close()

    def _run(self) -> None:
        """Work; a model that is being built, and waits for a service that is away, is left when the end comes."""
        with stoppable(self._stop), suppress(StopWaiting):
            self._work()

    def _work(self) -> None:
        """Build, check and swap until the end."""
        try:
            self._driver.preload()
            self._read.wait()
            self._settle(only_current=True)
        except StopWaiting:
            raise
        except BaseException as error:
            self.error = error
            raise
        finally:
            self._ready.set()
        while not self._stop.is_set():
            try:
                self._settle()
            except Exception:
                log.exception("the models could not be brought up to date")
            if not self._stop.is_set():
                self._news.wait()

    def _obey(self) -> None:
        """Do at once what needs no model to be built, whatever is being built."""
        self._ready.wait()
        while not self._stop.is_set():
            self._said.wait()
            self._said.clear()
            try:
                if not self._stop.is_set():
                    self.controller.apply_updates(self.slots.apply)
            except Exception:
                log.exception("the models could not be brought up to date")

    def _settle(self, only_current: bool = False) -> None:
        """Do what the messages say. The pause before a source is retried ends early with news, or at the end."""
        self._news.clear()
        while not self._stop.is_set():
            self.controller.settle(self.slots.apply, only_current)
            if (pause := self.controller.pause) is None:
                return
            self._news.wait(pause)
            self._news.clear()
