"""Whether the topics that an engine reads are there, and still the same ones; for applications of Kafka Streams.

The engine knows topics by name. One that was deleted and made anew between two looks of its own is read on from where
the old one had ended: what is before that, nobody reads, and nobody says so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, make_admin
from modelserving.serving.running.worker_thread import run_abandonable

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

log = logging.getLogger(__name__)

_EVERY_S = 2.0
_ANSWER_WITHIN_MS = 8_000


class InputTopics:
    """Asks the broker over and over.

    Args:
        connection: to the cluster.
        names: of the topics.
    """

    def __init__(self, connection: Connection, names: Sequence[str]) -> None:
        self._connection = replace(connection, options={**connection.options, "request_timeout_ms": _ANSWER_WITHIN_MS})
        self._names = tuple(names)
        self._admin: KafkaAdminClient | None = None
        self._identities: Mapping[str, str] = {}
        self.missing: tuple[str, ...] = ()
        """Of each that is not there, a line that says so."""

    def identities(self) -> Mapping[str, str]:
        """What the broker calls each of them; another object where one is another topic than before."""
        return self._identities

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                await run_abandonable(self.look)
                await anyio.sleep(_EVERY_S)
        finally:
            self._let_go()

    def look(self) -> None:
        """Look once; a broker that does not answer is asked again the next time, and is told of elsewhere."""
        try:
            self._admin = admin = self._admin or make_admin(self._connection)
            described = {one["name"]: one for one in admin.describe_topics(list(self._names))}
        except (KafkaError, BrokerUnavailable, OSError, RuntimeError) as error:  # the last: its client was closed
            log.debug("looked in vain: %r", error)
            self._let_go()
            return
        gone = UnknownTopicOrPartitionError.errno
        missing = [name for name, one in described.items() if one["error_code"] == gone]
        self.missing = tuple(
            f"there is no topic {name}: it was deleted, and this server waits for it" for name in missing
        )
        found = {name: str(one["topic_id"]) for name, one in described.items() if not one["error_code"]}
        for name, identity in found.items():
            if self._identities.get(name, identity) != identity:
                log.warning("topic %s was deleted and made anew: it is read from its beginning", name)
        if found.items() - self._identities.items():
            self._identities = {**self._identities, **found}

    def _let_go(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            with suppress(Exception):
                admin.close()
