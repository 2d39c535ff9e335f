"""Whether the topics that an engine reads are there, and still the same ones; for applications of Kafka Streams.

The engine knows topics by name. One that was deleted and made anew between two looks of its own is read on from where
the old one had ended: what is before that, nobody reads, and nobody says so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from modelserving.kafka import Connection
from modelserving.serving.running.asking import NO_ANSWER, BrokerClient, deleted, describe

log = logging.getLogger(__name__)


class InputTopics:
    """Asks the broker over and over.

    Args:
        connection: to the cluster.
        names: of the topics.
    """

    def __init__(self, connection: Connection, names: Sequence[str]) -> None:
        self._client = BrokerClient(connection)
        self._names = tuple(names)
        self._identities: Mapping[str, str] = {}
        self.missing: tuple[str, ...] = ()
        """Of each that is not there, a line that says so."""

    def identities(self) -> Mapping[str, str]:
        """What the broker calls each of them; another object where one is another topic than before."""
        return self._identities

    async def run(self) -> None:
        """Look until cancelled."""
        await self._client.keep_asking(self.look)

    def look(self) -> None:
        """Look once; a broker that does not answer is asked again the next time, and is told of elsewhere."""
        try:
            described = describe(self._client.admin(), self._names)
        except NO_ANSWER as error:
            log.debug("looked in vain: %r", error)
            self._client.let_go()
            return
        self.missing = deleted(described, self._names)
        found = {name: str(one["topic_id"]) for name, one in described.items() if not one["error_code"]}
        for name, identity in found.items():
            if self._identities.get(name, identity) != identity:
                log.warning("topic %s was deleted and made anew: it is read from its beginning", name)
        if found.items() - self._identities.items():
            self._identities = {**self._identities, **found}
