"""Asking the broker over and over, with a client of its own, and what it says of topics that are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, make_admin
from modelserving.serving.running.worker_thread import run_abandonable

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

EVERY_S = 2.0
NO_ANSWER = (KafkaError, BrokerUnavailable, OSError, RuntimeError)
"""What is raised where the broker does not answer; the last one, where the client was closed meanwhile."""
_ANSWER_WITHIN_MS = 8_000
_NO_TOPIC = UnknownTopicOrPartitionError.errno


class BrokerClient:
    """A client that is made when it is first needed, and made anew after it was let go.

    Args:
        connection: to the cluster.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = replace(connection, options={**connection.options, "request_timeout_ms": _ANSWER_WITHIN_MS})
        self._admin: KafkaAdminClient | None = None

    def admin(self) -> KafkaAdminClient:
        """The client.

        Raises:
            BrokerUnavailable: no broker answers.
        """
        self._admin = admin = self._admin or make_admin(self.connection)
        return admin

    def let_go(self) -> None:
        """Close the client, if there is one."""
        admin, self._admin = self._admin, None
        if admin is not None:
            with suppress(Exception):
                admin.close()

    async def keep_asking(self, look: Callable[[], None], every_s: float = EVERY_S) -> None:
        """Look until cancelled, each time in a thread that may be left to itself."""
        try:
            while True:
                await run_abandonable(look)
                await anyio.sleep(every_s)
        finally:
            self.let_go()


def describe(admin: KafkaAdminClient, names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """What the broker says of topics, by their names."""
    return {one["name"]: one for one in admin.describe_topics(list(names))}


def deleted(described: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> tuple[str, ...]:
    """Of each of these topics that is not there, a line that says so."""
    gone = [name for name in names if described.get(name, {}).get("error_code") == _NO_TOPIC]
    return tuple(f"there is no topic {name}: it was deleted, and this server waits for it" for name in gone)
