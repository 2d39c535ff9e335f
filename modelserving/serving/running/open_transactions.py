"""Transactions that somebody began and does not end: nobody reads what is behind them, and no poll says why.

The broker ends them by itself, after the time that their producer asked for: a minute by Kafka's default, a quarter of
an hour at most by the broker's. Until then a server has nothing to do, and looks as if nothing had been sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from kafka import IsolationLevel, OffsetSpec

if TYPE_CHECKING:
    from kafka import KafkaAdminClient, TopicPartition

_STANDS_S = 15.0


class OpenTransactions:
    """How long the first open transaction of each partition has been the same.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[TopicPartition, tuple[int, float]] = {}

    def look(self, admin: KafkaAdminClient, partitions: Sequence[TopicPartition]) -> Iterator[str]:
        """A line for each partition in which one has been open for long.

        Args:
            admin: whom to ask.
            partitions: of the topics that are read.
        """
        wanted = dict.fromkeys(partitions, OffsetSpec.LATEST)
        read_to = admin.list_partition_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED)
        ends = admin.list_partition_offsets(wanted)
        now, since = self._clock(), self._since
        # Asked for in this order, an end may be ahead of what is open; it is not the same one at the next look then.
        held = {tp: at.offset for tp, at in read_to.items() if at.offset < ends[tp].offset}
        self._since = {
            tp: since[tp] if tp in since and since[tp][0] == offset else (offset, now) for tp, offset in held.items()
        }
        for tp, (offset, began) in sorted(self._since.items()):
            if now - began >= _STANDS_S:
                yield (
                    f"what is on {tp.topic}, partition {tp.partition}, from offset {offset} on waits for a transaction "
                    "that its producer has begun and not ended; the broker ends it after that producer's "
                    "transaction.timeout.ms, and nobody reads on there until then"
                )
