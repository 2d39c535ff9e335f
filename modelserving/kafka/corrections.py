"""Corrections of kafka-python 3.0, through seams that it has, for the time when a broker is away or says no.

A commit is lost
    When the connection to the coordinator cannot be made, ``KafkaNetClient.await_ready`` raises, and the sender's loop
    drops the request that it was about to send: ``commit_transaction`` then waits for ever, also after the broker has
    come back. When ``await_ready`` says ``False`` instead, that loop puts the request back and looks again.
A commit is not noticed
    The producer's thread sometimes sleeps without end although a batch waits for a connection that is being made; in a
    transaction nothing else wakes it. Here it looks again ten times a second.
A lost connection is another error
    Who writes in the moment in which a connection closes gets a ``RuntimeError``, which nobody in the library expects:
    metadata are never asked for again, heartbeats end, ``poll`` raises it. Here it is a lost connection as any other.
A group is joined in vain
    When a poll's time is over while a group is being joined because a topic has just become known, the library forgets
    the join: the consumer gets no partition for ever, and ``poll`` spins. Here the join is taken up again.
A refusal is not told
    A wrong password, or a certificate that is not trusted, ends as "timed out". Here the reason is kept.
A message is asked for for ever
    What cannot be read raises at each poll anew. Here it is passed over and noted; see ``unreadable.py``, ``stuck.py``.
A fence is not told
    When another member has taken this one's name in the group, the library stops its heartbeats and reads on, for ever.
    Here the next poll raises.
An answer of before is taken
    Where a group goes on is asked for again after a rebalance, and an answer that nobody took before it is taken for
    that of now: records of between are read twice. Here a rebalance forgets what was asked.
An interrupt is lost
    Ctrl-C, or ■ in a notebook, that comes while the caller's thread drives the loop ends the task that is at work, such
    as the one that asks for metadata, and is forgotten: the client waits for ever. Here it waits for the next turn.
Things are left open
    A client whose making fails leaves a thread, and each refused connection a socket. Here they can be closed; the
    thread of a producer ends first, since the client that it drives cannot be closed from another one meanwhile. A
    producer with messages that the broker does not take does not close, and works on for ever. Here it does.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from functools import partial
from socket import socket
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import (
    FencedInstanceIdError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from modelserving.kafka.gaps import Gap
from modelserving.kafka.stuck import StuckFetches
from modelserving.kafka.unreadable import LenientRecords
from modelserving.system.interrupts import interrupts_held_back, join_thread
from modelserving.system.waiting import poll

DIRECTLY = "direct://"
"""For ``proxy_url``: no proxy, but a socket that is closed when it cannot connect."""

_LOOK_AGAIN_MS = 100
_TURN_S = _LOOK_AGAIN_MS / 1000
_END_WITHIN_S = 1.0


class Client(KafkaNetClient):  # type: ignore[misc]  # kafka-python has no types
    """What ``kafka_client`` of producers, consumers and administration clients takes."""

    def __init__(self, **settings: object) -> None:
        net = _Selector(**settings)
        self.manager = _Manager(net, **settings)
        super().__init__(net=net, manager=self.manager, **settings)

    def await_ready(self, node_id: object, timeout_ms: int = 30_000) -> bool:
        """Whether a node can be sent to; ``False``, not an error, where no connection could be made."""
        try:
            return bool(super().await_ready(node_id, timeout_ms=timeout_ms))
        except KafkaConnectionError:
            return False

    def poll(self, timeout_ms: float | None = None, future: object | None = None) -> object:
        """Wait for the network, though not for long where nothing definite is waited for."""
        if future is None:
            timeout_ms = _LOOK_AGAIN_MS if timeout_ms is None else min(timeout_ms, _LOOK_AGAIN_MS)
        return super().poll(timeout_ms=timeout_ms, future=future)


class Consumer(KafkaConsumer):  # type: ignore[misc]  # kafka-python has no types
    """A consumer as the library's own, whose group is joined in the end, and which no message holds up."""

    def __init__(self, *topics: str, **settings: Any) -> None:
        super().__init__(*topics, **settings)
        self._fence: FencedInstanceIdError | None = None
        coordinator = self._coordinator
        coordinator._send_heartbeat_request = partial(self._beat, coordinator._send_heartbeat_request)
        coordinator._on_join_complete_async = partial(self._join, coordinator._on_join_complete_async)
        self._gaps: list[Gap] = []
        fetcher, note = self._fetcher, self._gaps.append
        fetcher.PartitionRecords = partial(LenientRecords, note)
        self._stuck = fetcher._parse_fetched_data = StuckFetches(fetcher, note)

    def take_gaps(self) -> tuple[Gap, ...]:
        """What the polls since the last call have passed over, since it could not be read."""
        gaps = tuple(self._gaps)
        self._gaps.clear()
        return gaps

    def expect_end(self, partition: Any, end: int) -> None:
        """Say where the log of a partition ends: a broker that refuses to read there does not."""
        self._subscription.assignment[partition].highwater = end

    def position(self, partition: Any, timeout_ms: float | None = None) -> Any:
        """As the library's; where a way out of a damaged log is looked for, still before it."""
        start = self._stuck.start_of(partition)
        return super().position(partition, timeout_ms) if start is None else start

    def poll(self, *positional: Any, **named: Any) -> Any:
        """As the library's; a join that an earlier poll left unfinished is waited for again.

        Raises:
            FencedInstanceIdError: another member has taken this one's name in the group.
        """
        if self._fence is not None:
            raise self._fence
        if self._coordinator._join_task is not None:
            self._coordinator.rejoin_needed = True
        return super().poll(*positional, **named)

    async def _beat(self, send: Callable[[], Awaitable[object]]) -> object:
        """Send a heartbeat, and keep it when the group has another member of this name."""
        try:
            return await send()
        except FencedInstanceIdError as error:
            self._fence = error
            raise

    async def _join(self, complete: Callable[..., Awaitable[None]], *told: object) -> None:
        """Take what the group gave, and ask anew where to go on."""
        self._coordinator._offset_fetch_futures.clear()
        await complete(*told)


class Producer(KafkaProducer):  # type: ignore[misc]  # kafka-python has no types
    """A producer as the library's own, which closes also where messages of it cannot be sent, or it is half made."""

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except BaseException:  # a stop button, too: its thread may have begun, and would drive the client for ever
            self._end_sender()
            raise

    def _end_sender(self) -> None:
        """End the thread, also one that is just beginning; with it, the client is closed."""
        sender = getattr(self, "_sender", None)
        if sender is not None:
            sender.force_close()
            poll(lambda: sender.is_alive() or sender not in threading.enumerate(), _END_WITHIN_S)
            join_thread(sender, _END_WITHIN_S)

    def close(self, timeout: float | None = None, null_logger: bool = False) -> None:
        """As the library's; who waits for a transaction in another thread is told that it does not end any more.

        Raises:
            KafkaTimeoutError: messages were on their way, and are lost.
        """
        try:
            super().close(timeout, null_logger)
        except KafkaTimeoutError:
            self._closed = True
            self._end_sender()
            raise
        finally:
            transactions = getattr(self, "_transaction_manager", None)
            if transactions is not None and timeout is not None:
                transactions.authentication_failed(KafkaError("the producer was closed"))


class _Selector(NetworkSelector):  # type: ignore[misc]  # kafka-python has no types
    """The library's loop, in which an interrupt strikes no task: it is passed on between two turns, each soon over.

    Nor does one come while its thread begins: a thread that has not begun cannot be waited for when it is closed.
    """

    def start(self) -> None:
        with interrupts_held_back():
            super().start()

    def _poll_once(self, timeout: float | None = None) -> None:
        if threading.current_thread() is not threading.main_thread():
            super()._poll_once(timeout)
            return
        with interrupts_held_back():
            super()._poll_once(_TURN_S if timeout is None else min(timeout, _TURN_S))


class _Manager(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python has no types
    """Keeps why the last connection could not be made, and gives up at once on a wrong password."""

    last_failure: Exception | None = None

    def get_connection(self, node_id: object, *positional: object, **named: object) -> Any:
        """A connection to a node, which need not be open yet."""
        is_new = node_id not in self._conns
        connection = super().get_connection(node_id, *positional, **named)
        if is_new:
            connection.connection_lost = partial(_lose, connection.connection_lost)
            connection.init_future.add_errback(self._note)
        return connection

    def _note(self, error: Exception) -> None:
        self.last_failure = error

    def maybe_raise_auth_failure(self, node_id: object) -> None:
        """Raise what the last connection was refused for; the library asks this before each attempt."""
        if isinstance(self.last_failure, SaslAuthenticationFailedError) and not self.bootstrapped:
            raise self.last_failure
        super().maybe_raise_auth_failure(node_id)


def _lose(lose: Callable[[Exception | None], None], error: Exception | None) -> None:
    lose(error if error is None or isinstance(error, KafkaError) else KafkaConnectionError(error))


class _Socket(KafkaNetSocket):  # type: ignore[misc]  # kafka-python has no types
    """Connects as the library's own does, and closes the socket when that fails."""

    SCHEMES = ("direct",)

    async def sock_connect(
        self, net: object, sock: socket, sockaddr: object, timeout_at: float | None = None
    ) -> socket:
        try:
            await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise
        return sock
