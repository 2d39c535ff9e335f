"""A running Kafka Streams application, as a context manager.

::

    with KafkaStreams(topology, streams_config(connection, application_id="scoring")) as streams:
        streams.wait_for(State.RUNNING)
        ...

Whatever is not closed when the program, or the kernel of a notebook, ends or is interrupted, is closed then. The
engine's threads are daemons: should the broker be away at that moment, they do not keep the process.
"""

from __future__ import annotations

import atexit
import logging
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

import jpype

from modelserving import jvm
from modelserving.errors import ServerError
from modelserving.kafka import Connection
from modelserving.kstreams.bridge.failures import cause_of, describe, guarded, python_errors, said_by
from modelserving.kstreams.bridge.logging import forward_logs
from modelserving.kstreams.bridge.proxies import engine_method, implement
from modelserving.kstreams.bridge.threads import call_as_daemon, may_wait
from modelserving.kstreams.bridge.values import from_java
from modelserving.kstreams.pictures.topics import ForeignTopics
from modelserving.kstreams.windows import wrap
from modelserving.system import poll

log = logging.getLogger(__name__)

_STREAMS = "org.apache.kafka.streams."
_LOOK_EVERY_S, _AT_EXIT_S, _CLOSE_S = 0.02, 5.0, 30.0


class State(StrEnum):
    """What an application is doing, in the engine's words."""

    CREATED = "CREATED"
    REBALANCING = "REBALANCING"
    RUNNING = "RUNNING"
    PENDING_SHUTDOWN = "PENDING_SHUTDOWN"
    NOT_RUNNING = "NOT_RUNNING"
    PENDING_ERROR = "PENDING_ERROR"
    ERROR = "ERROR"


_ENDED, _AT_WORK = (State.NOT_RUNNING, State.ERROR), (State.REBALANCING, State.RUNNING)


class Response(StrEnum):
    """What to do about a thread that failed, in the engine's words."""

    REPLACE_THREAD = "REPLACE_THREAD"
    SHUTDOWN_CLIENT = "SHUTDOWN_CLIENT"
    SHUTDOWN_APPLICATION = "SHUTDOWN_APPLICATION"


def _shut_down(_error: BaseException) -> Response:
    return Response.SHUTDOWN_CLIENT


class KafkaStreams:
    """An application: its topology, its threads, and its place among the other instances.

    Args:
        topology: what it does.
        config: its settings, from ``streams_config``.
        on_error: asked what to do when a thread fails, with the Python error, or the engine's. By default the
            application ends, and ``error`` has it.
        on_state: told of each new state, on a thread of the engine.
        clients: the consumers and producers to work with, a ``KafkaClientSupplier``; ``None``: the engine's own.
    """

    def __init__(
        self,
        topology: Any,
        config: Any,
        on_error: Callable[[BaseException], Response] = _shut_down,
        on_state: Callable[[State], object] = lambda _: None,
        clients: Any = None,
    ) -> None:
        forward_logs()
        self.error: BaseException | None = None
        self.application_id = str(config.getProperty("application.id"))
        self._state_folder = str(config.getProperty("state.dir", ""))
        self._connection = Connection(str(config.getProperty("bootstrap.servers")))
        self._topics = ForeignTopics.of(topology)
        self._looks = str(config.getProperty("security.protocol", "PLAINTEXT")) == "PLAINTEXT"  # for sinks, once
        self._on_error = on_error
        self._on_state = on_state
        parts = (topology, config) if clients is None else (topology, config, clients)
        try:
            with python_errors(self._state_folder):
                call_as_daemon(lambda: self._make(parts))
        except KeyboardInterrupt:
            self.close()
            raise

    def _make(self, parts: tuple[Any, ...]) -> None:
        """From here on Java holds the folder of its state, until it is closed."""
        self.java: Any = jvm.java_class(_STREAMS + "KafkaStreams")(*parts)
        _open.add(self)
        self._listen()

    def _listen(self) -> None:
        """Java knows this object by weak references only: else each would keep the other for ever."""
        handle, on_state = weakref.WeakMethod(self._handle), weakref.ref(self)

        def handle_error(thrown: Any) -> Any:
            method = handle()
            return method(thrown) if method is not None else None

        def tell(new: Any, _old: Any) -> None:
            told = on_state()
            if told is not None:
                told._on_state(State(str(new)))

        handler = implement(_STREAMS + "errors.StreamsUncaughtExceptionHandler", handle=guarded(handle_error))
        self.java.setUncaughtExceptionHandler(handler)
        self.java.setStateListener(implement(_STREAMS + "KafkaStreams$StateListener", onChange=guarded(tell)))

    def _handle(self, thrown: Any) -> Any:
        """A thread has failed. The log gets the Python error with its traceback, not Java's view of it."""
        error = cause_of(thrown) or ServerError(f"Kafka Streams: {describe(thrown, self._state_folder)}.")
        self.error = error
        response = self._ask(error)
        log.error("a thread of Kafka Streams failed (%s): %s", response, said_by(error), exc_info=error)
        kind = jvm.java_class(_STREAMS + "errors.StreamsUncaughtExceptionHandler$StreamThreadExceptionResponse")
        return getattr(kind, response.value)

    def _ask(self, error: BaseException) -> Response:
        """What to do; an ``on_error`` that does not say, or fails itself, ends the application: no thread goes on."""
        try:
            answer: object = self._on_error(error)
        except BaseException:  # sys.exit, too: a thread that ended without an answer would leave a zombie
            log.exception("on_error failed; the application ends")
            return Response.SHUTDOWN_CLIENT
        if isinstance(answer, Response):
            return answer
        log.error("on_error has to return a Response; it returned %r. The application ends.", answer)
        return Response.SHUTDOWN_CLIENT

    @property
    def state(self) -> State:
        """What it is doing."""
        return State(str(self.java.state()))

    def start(self) -> None:
        """Start its threads. With global stores this returns when these are read to their end.

        Raises:
            ServerError: it was started before, or closed.
        """
        others = [one for one in tuple(_open) if one is not self and one.application_id == self.application_id]
        if any(one.state in _AT_WORK for one in others):
            log.warning(
                "an application %r is running in this process already, and shares the records with this one. If it is "
                "an older version of the same (a cell that was run again), close that one first.",
                self.application_id,
            )
        if self.state is not State.CREATED:
            raise ServerError(
                f"application {self.application_id!r} was started or closed before (it is {self.state}), and each "
                "starts once: make a new KafkaStreams of the same topology and settings."
            )
        with python_errors(self._state_folder):
            self.java.start()

    def wait_for(self, *states: State, seconds: float = 60.0) -> None:
        """Wait until it is in one of these states.

        Raises:
            ServerError: it is not within so many seconds, or never will be.
            Exception: the Python error that ended it.
        """
        wanted = {*states, *_ENDED}
        state = poll(lambda: found if (found := self.state) in wanted else None, seconds, _LOOK_EVERY_S) or self.state
        if state in states:
            return self._warn_of_sinks(state)
        if state in _ENDED:
            self.raise_error()
            raise ServerError(f"Kafka Streams is {state} and will not be {' or '.join(states)}.")
        late = f"and not {' or '.join(states)} after {seconds:g} s"
        raise ServerError(f"Kafka Streams is {state} {late}. {self._topics.hint(self._connection)}")

    def _warn_of_sinks(self, state: State) -> None:
        """Look once: the engine runs as if all were well, and fails a minute after the first record for such a sink."""
        if self._looks and state is State.RUNNING:
            self._looks = False
            if said := self._topics.warning(self._connection):
                log.warning("application %r: %s", self.application_id, said)

    def raise_error(self) -> None:
        """Raise the error that a thread failed with last, if one did."""
        if self.error is not None:
            raise self.error

    def close(self, seconds: float = 30.0) -> bool:
        """End its threads: what was processed is committed first. A second call does nothing.

        It leaves the group, so that other instances take over at once and do not wait for it to be missed.

        Args:
            seconds: how long to wait for that; Ctrl-C is heard meanwhile. A processor does not wait for itself.

        Returns:
            Whether all threads have ended.
        """
        seconds = may_wait(self.java, seconds)
        self._begin_to_end()
        if ended := _have_ended((self,), seconds):
            _ending.discard(self)
        return ended

    def _begin_to_end(self) -> None:
        _open.discard(self)
        _ending.add(self)
        with python_errors():
            self.java.close(_leaving())

    def cleanUp(self) -> None:
        """Delete the local state; only before ``start`` and after ``close``. It is restored from the changelogs."""
        with python_errors():
            self.java.cleanUp()

    def store(self, name: str, kind: Any, *, partition: int | None = None, stale: bool = False) -> Any:
        """A store of this instance, to look into.

        Args:
            name: of the store.
            kind: a ``QueryableStoreType``: one of ``QueryableStoreTypes``, or ``stores_of`` for those in Python.
            partition: only what belongs to this partition; ``None``: all that is here.
            stale: also such as are being restored, and standby replicas.

        Raises:
            ServerError: it cannot be asked now: it is being restored, or goes to another instance.
        """
        parameters = jvm.java_class(_STREAMS + "StoreQueryParameters").fromNameAndType(name, kind)
        if partition is not None:
            parameters = parameters.withPartition(jpype.JInt(partition))
        with python_errors():
            return wrap(from_java(self.java.store(parameters.enableStaleStores() if stale else parameters)))

    def lags(self) -> Mapping[str, Mapping[int, int]]:
        """How many entries of its changelog each local store lacks, by store and partition."""
        with python_errors():
            found = self.java.allLocalStorePartitionLags()
            return {
                str(store): {int(partition): int(parts[partition].offsetLag()) for partition in parts}
                for store, parts in ((store, found[store]) for store in found)
            }

    def setUncaughtExceptionHandler(self, handler: Callable[[BaseException], Response]) -> None:
        """Ask a function what to do when a thread fails, in place of ``on_error``."""
        self._on_error = handler

    def __getattr__(self, name: str) -> Any:
        """What is not here is the engine's own: ``queryMetadataForKey``, ``pause``, ``metrics``, ``query``."""
        if name.startswith("_") or name == "java":
            raise AttributeError(name)
        return engine_method(self.java, name)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if not self.close(_CLOSE_S):
            log.warning(
                "application %r has not ended within %g s (it is %s); its threads go on in the background. "
                "Is the broker there, and all of its topics?",
                self.application_id,
                _CLOSE_S,
                self.state,
            )


def _have_ended(applications: Iterable[KafkaStreams], seconds: float) -> bool:
    """Wait until all of these have ended, but no longer than that; whether they have."""
    waited_for = tuple(applications)
    return poll(lambda: all(one.state in _ENDED for one in waited_for), seconds, _LOOK_EVERY_S)


def _leaving() -> Any:
    """How to close: begin at once, without waiting here, and leave the group."""
    options = jvm.java_class(_STREAMS + "CloseOptions")
    operation = jvm.java_class(_STREAMS + "CloseOptions$GroupMembershipOperation").LEAVE_GROUP
    return options.timeout(jvm.java_class("java.time.Duration").ZERO).withGroupMembershipOperation(operation)


_open, _ending = set[KafkaStreams](), set[KafkaStreams]()


@atexit.register
def _close_all() -> None:
    """What was processed and not committed would be done again, by somebody else, after a while.

    All end at the same time: JupyterLab gives a kernel two and a half seconds, before it ends it by force.
    """
    forgotten = tuple(_open)
    for streams in forgotten:
        streams._begin_to_end()
    _have_ended(forgotten, _AT_EXIT_S)
    for streams in tuple(_ending):  # Java refuses calls into Python soon: what takes no record passes over none
        streams.java.pause()
    for _ in forgotten:
        warnings.warn("a KafkaStreams was never closed; use it in a `with` block", ResourceWarning, stacklevel=2)
