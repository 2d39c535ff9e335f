"""The topics that a topology reads and writes, and whether they are there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, list_topics, missing_topics
from modelserving.kafka.clients import reach

_SOURCE = re.compile(r"\(topics: \[([^\]]+)\]\)")
_SINK = re.compile(r"\(topic: ([^)]+)\)")
_OWN = re.compile("-(repartition|changelog)$|subscription-(registration|response).*-topic$", re.IGNORECASE)
"""How the names of topics end that the engine makes by itself; the last two are those of joins by foreign keys."""


@dataclass(frozen=True, slots=True)
class ForeignTopics:
    """The topics that somebody else has to make: not those that the engine makes by itself.

    Args:
        read: by name, sorted; a pattern is none.
        written: by name, sorted; a sink that decides by the record names none.
    """

    read: tuple[str, ...]
    written: tuple[str, ...]

    @classmethod
    def of(cls, topology: Any) -> Self:
        """Those of a ``Topology``, built."""
        text = str(topology.describe())
        read = {topic for topics in _SOURCE.findall(text) for topic in topics.split(", ")}
        return cls(_foreign(read), _foreign(set(_SINK.findall(text))))

    def hint(self, connection: Connection) -> str:
        """Why nothing is read, as far as it can be seen from here."""
        try:
            reach(connection)
            there = {*list_topics(connection)}
        except BrokerUnavailable as error:
            return str(error)
        if missing := [topic for topic in self.read if topic not in there]:
            return f"There is no topic {_listed(missing)}, which it reads: make it, and start again."
        return f"The topics that it reads are all there: {', '.join(self.read)}." if self.read else ""

    def warning(self, connection: Connection) -> str:
        """Which topics nothing can be written to; empty: all are there, the broker makes them, or it does not say."""
        try:
            missing = missing_topics(connection, self.written)
        except BrokerUnavailable:
            return ""
        return f"There is no topic {_listed(missing)}, which it writes to: make it first." if missing else ""


def _foreign(topics: set[str]) -> tuple[str, ...]:
    return tuple(sorted(topic for topic in topics if not _OWN.search(topic)))


def _listed(topics: list[str]) -> str:
    return " and no topic ".join(topics)
