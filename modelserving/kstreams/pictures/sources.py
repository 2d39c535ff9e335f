"""The topics that an application reads, and why nothing may come from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, list_topics
from modelserving.kafka.clients import reach

__all__ = ["sources_of", "why_nothing_comes"]

_SOURCE = re.compile(r"\(topics: \[([^\]]+)\]\)")
_OWN = ("-repartition", "-changelog")  # how the names of topics end that the engine makes by itself


def sources_of(topology: Any) -> list[str]:
    """The topics that a topology reads, sorted."""
    listed = _SOURCE.findall(str(topology.describe()))
    return sorted({topic for topics in listed for topic in topics.split(", ")})


def why_nothing_comes(connection: Connection, sources: Sequence[str]) -> str:
    """Why nothing happens, as far as it can be seen from here, in a sentence or none.

    Args:
        connection: the way to the broker.
        sources: the topics that are read.
    """
    try:
        reach(connection)
        there = {*list_topics(connection)}
    except BrokerUnavailable as error:
        return str(error)
    if missing := [topic for topic in sources if topic not in there and not topic.endswith(_OWN)]:
        return f"There is no topic {' and no topic '.join(missing)}, which it reads: make it, and start again."
    return f"The topics that it reads are all there: {', '.join(sources)}." if sources else ""
