"""What a lesson stands on: its topics and groups on the broker, and what is closed with it. It knows no exercises."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from modelserving.broker import EmbeddedKafka, status, stop
from modelserving.config import Settings
from modelserving.errors import BrokerUnavailable, ConfigError, ServerError, WaitTimeout
from modelserving.kafka import Connection, create_topics, make_admin, make_consumer, make_producer
from modelserving.kafka.clients import explain_silence
from modelserving.kafka.settings import settings_of
from modelserving.records import TOPICS
from modelserving.system.closing import Closing
from modelserving.workshop.display.boxes import Box, Tone
from modelserving.workshop.lesson import lesson_topics
from modelserving.workshop.processes.background import BackgroundTask
from modelserving.workshop.processes.process import ServerProcess

_FLUSH_S = 30.0
CLOSED = "This lesson is closed. Run its set-up cell, the one with `start(...)`, and then this section."
"""What a cell is told that is run after the clean-up cell."""


class LessonEnvironment(Closing):
    """What a lesson stands on: a broker, topics and groups of its own, and what runs behind its cells.

    Args:
        number: two digits, as in the notebook's name.
        connection: the way to the broker.
        settings: where local files go.
        stack: what the lesson stands on, such as the connection; ``close`` closes it.
        fast: whether nobody watches, so that waits and repetitions may be short.
    """

    def __init__(
        self, number: str, connection: Connection, settings: Settings, stack: ExitStack, *, fast: bool = False
    ) -> None:
        self.number = number
        self.prefix = f"lesson-{number}"
        self.topics = TOPICS.prefixed(self.prefix)
        self.connection = connection
        self.settings = settings
        self.fast = fast
        self.closed = False
        self._busy: tuple[str, ...] = ()
        self._going_on: dict[str, str] = {}
        self._named: dict[str, ExitStack] = {}
        self._made: dict[str, Any] = {}
        self._stack = stack
        # Below all that is managed later, so that a broker that was started again outlives its users here too.
        self._restarted = stack.enter_context(ExitStack())
        self._admin = make_admin(connection)
        self._stack.callback(self._admin.close)

    def __repr__(self) -> str:
        return f"<lesson {self.number}: topics {self.prefix}-*>"

    @property
    def folder(self) -> Path:
        """A folder for files of this lesson's own; ``reset()`` deletes it."""
        path = self.settings.home / "lessons" / self.prefix
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def external(self) -> bool:
        """Whether the broker is a cluster that somebody else runs, so that the lesson cannot stop it."""
        return self.settings.bootstrap_servers is not None

    def group(self, name: str, *, goes_on: bool = False) -> str:
        """The name of a consumer group of this lesson's own, which has read nothing yet.

        Args:
            name: its name after the prefix.
            goes_on: whether, asked again in this run of the lesson, it is the same one, and goes on where it is. For
                who writes to a topic that stays: from the first record on, it would write all of it a second time.
        """
        if not goes_on:
            return self._new_group(name)
        if name not in self._going_on:
            self._going_on[name] = self._new_group(name)
        return self._going_on[name]

    def _new_group(self, name: str) -> str:
        full = f"{self.prefix}-{name}"
        # Asked by name: a broker that has only just started does not list all the groups that it knows.
        busy = full in self._busy or lesson_topics.delete_groups(self._admin, [full])
        return f"{full}-{secrets.token_hex(2)}" if busy else full

    def topic(self, name: str, *, partitions: int = 1, compacted: bool = False) -> str:
        """Make one more topic of this lesson's own, empty.

        What is managed under the topic's full name, or that and more words after it, works on the topic, and ends
        first: left by a cell that was stopped, it would write into the new one.

        Args:
            name: its name after the prefix; that of one of the pipeline's topics makes it anew with its own settings.
            partitions: how many.
            compacted: whether only the newest record of each key is to stay.

        Returns:
            Its full name.
        """
        full = f"{self.prefix}-{name}"
        for user in [one for one in reversed(self._named.copy()) if one.partition(" ")[0] == full]:
            self._end(user)
        if compacted and not self.external:
            lesson_topics.hurry_compaction(self._admin)
        settings = settings_of(self.topics).get(full, {})
        lesson_topics.make_topic(self._admin, full, partitions=partitions, compacted=compacted, settings=settings)
        return full

    def scratch_topic(self, *, partitions: int = 1) -> str:
        """Make a topic under a name that nobody had before; it stays until the lesson is begun again."""
        return self.topic(f"scratch-{secrets.token_hex(4)}", partitions=partitions)

    def producer(self) -> KafkaProducer:
        """A producer that sends each record at once, and is closed with the lesson. Asked again, it is the same one.

        Its ``flush`` waits for half a minute at most, and then says that the broker is away; the library's own would
        wait for two minutes, and then return without a word of what was not sent.

        A task behind the cells may be sending with it: of one that is closed under it, it would wait a minute.
        """
        made = self._made.get("producer")
        if made is None or made._closed:
            made = self.manage(lambda: make_producer(self.connection, linger_ms=0), name="producer")
            made.flush = partial(_flush, made.flush, self.connection)
        return made

    def consumer(self, topic: str, name: str, *, group: str | None = None) -> KafkaConsumer:
        """A consumer that begins at the start of a topic, and is closed with the lesson, or when there is a newer one.

        Args:
            topic: what to read.
            name: what to call it; a newer one of the same name takes its place.
            group: whom to share the topic with; none: it reads alone.
        """
        made: KafkaConsumer = self.manage(
            lambda: make_consumer(self.connection, topic, group=group), name=f"consumer {name}"
        )
        # Without the topic's partitions at hand, a group's first member joins for nothing, and joins again.
        made.partitions_for_topic(topic)
        return made

    def manage(self, resource: Any, name: str | None = None) -> Any:
        """Let something end with the lesson.

        Args:
            resource: a context manager, something with ``close()``, or a function that makes one of these.
            name: with a name, the former one of that name is ended first, so that a cell can be run twice.

        Returns:
            The resource; of a context manager, what it gives.

        Raises:
            ConfigError: the lesson is closed, so that nothing would end it.
        """
        self._require_open()
        stack = self._stack
        if name is not None:
            self._end(name)
            stack = self._named[name] = self._stack.enter_context(ExitStack())
        made = resource() if callable(resource) else resource
        if hasattr(made, "__enter__"):
            made = stack.enter_context(made)
        else:
            stack.callback(made.close)
        if self.closed:  # while it was made, by a task behind the cells
            stack.close()
            self._require_open()
        if name is not None:
            self._made[name] = made
        return made

    def _require_open(self) -> None:
        if self.closed:
            raise ConfigError(CLOSED)

    def background(self, function: Callable[[Event], object], name: str) -> BackgroundTask:
        """Run a function behind the cells until it ends, or the lesson does, or the same name is run again.

        Args:
            function: takes an event and returns soon after the event is set. It must not print.
            name: for messages.
        """
        task: BackgroundTask = self.manage(lambda: BackgroundTask(function, name), name=name)
        return task

    def wait_for(self, condition: Callable[[], Any], what: str, seconds: float | None = None) -> Any:
        """Wait until ``condition()`` is true, and return what it said.

        Args:
            condition: asked again and again.
            what: is waited for, for the message.
            seconds: how long at most; by default 30, and 90 where nobody watches: a busy machine is no fault.

        Raises:
            WaitTimeout: it was not true in time; the message names ``what``, and what is known of the reason.
        """
        try:
            return lesson_topics.wait_until(condition, what, (90 if self.fast else 30) if seconds is None else seconds)
        except WaitTimeout as error:
            raise WaitTimeout(f"{error} {self._why_not()}") from None

    def _why_not(self) -> str:
        """Who may be to blame that something does not come: asked, and not guessed."""
        if not self.broker_answers():
            return "The broker does not answer: run the set-up cell, the one with `start(...)`, and then this section."
        if found := " ".join(self._complaints()):
            return found
        return (
            "The broker answers, and nothing behind the cells has failed. Was a cell left out, or run twice? Run the "
            "cells of this section again, from its first one."
        )

    def _complaints(self) -> Iterator[str]:
        """What is wrong with servers and tasks behind the cells."""
        for name, made in list(self._made.items()):  # a task behind the cells may add to them
            again = f"Run the cell that starts it, and then this one again ({name})."
            if isinstance(made, BackgroundTask) and made.error is not None:
                yield f"{made.name} behind the cells ended with {made.error!r}. {again}"
            elif isinstance(made, ServerProcess) and not made.stopped:
                if not made.running:
                    yield f"`{made}` has ended, with status {made.returncode}. {again}"
                    continue
                try:
                    made.get("/healthz")
                except ServerError as error:
                    yield f"The broker answers, but the server does not serve: {error}"

    def stop_broker(self) -> Box:
        """Stop the broker for everybody, as ``modelserving broker stop`` does in a terminal."""
        if self.external:
            return Box(
                "Not stopped", "The broker is a cluster that others run; this lesson leaves it alone.", Tone.WARN
            )
        stopped = stop(self.settings.home)
        return Box("Broker", "It is down: nothing answers any more." if stopped else "It was down already.", Tone.WARN)

    def start_broker(self) -> Box:
        """Start the broker again, as ``modelserving broker start`` does, but only until the lesson ends."""
        if not self.external:
            self._restarted.close()
            self._restarted.enter_context(EmbeddedKafka(home=self.settings.home))
        return Box("Broker", f"It answers at {self.connection.bootstrap_servers}.", Tone.GOOD)

    def broker_answers(self) -> bool:
        """Whether the broker can be reached now."""
        if not self.external and status(self.settings.home) is None:
            return False
        try:
            self._admin.list_topics()
        except (KafkaError, OSError):
            return False
        return True

    def mend_broker(self) -> str:
        """Start the embedded broker again where it is down.

        Returns:
            What was done, in a sentence; empty when nothing had to be done.
        """
        if self.external or status(self.settings.home) is not None:
            return ""
        self.start_broker()
        self.wait_for(self.broker_answers, "the broker to answer this lesson again")
        return "The broker was down; it has been started again."

    def prepare(self) -> int:
        """Make the lesson's topics anew, empty; forget its groups, and delete its files and what its servers kept.

        State that belongs to topics which are gone is of no use, and a Kafka Streams server refuses it.

        Returns:
            How many topics an earlier run had left.
        """
        for folder in lesson_topics.local_folders(self.settings, self.prefix):
            shutil.rmtree(folder, ignore_errors=True)
        left = lesson_topics.find_leftovers(self._admin, self.prefix)
        servers = (f"{self.prefix}-{kind}" for kind in ("stage", "actor", "streams"))
        self._busy = lesson_topics.delete(self._admin, left) + lesson_topics.delete_groups(self._admin, servers)
        create_topics(self.connection, self.topics)
        return len(left.topics)

    def close(self) -> None:
        """End what runs behind the cells. The topics stay until the next start. A second call does nothing."""
        self.closed = True
        self._stack.close()

    def _end(self, name: str) -> None:
        self._made.pop(name, None)
        if name in self._named:
            self._named.pop(name).close()


def _flush(flush: Callable[[float | None], None], connection: Connection, timeout: float | None = _FLUSH_S) -> None:
    """Wait until what was sent is acknowledged.

    Raises:
        BrokerUnavailable: it is not, within that time in seconds.
    """
    try:
        flush(timeout)
    except KafkaTimeoutError as error:
        raise BrokerUnavailable(f"{explain_silence(connection)} What was sent last may not be on its topic.") from error
