"""A transaction that is open for long is said; those that come and go are not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kafka import IsolationLevel, TopicPartition

from modelserving.serving.running.open_transactions import OpenTransactions

RECORDS, MODELS = TopicPartition("records", 0), TopicPartition("models", 0)


class Broker:
    """What an admin client is asked for."""

    def __init__(self) -> None:
        self.ends, self.read_to = {RECORDS: 9, MODELS: 3}, {RECORDS: 9, MODELS: 3}

    def list_partition_offsets(
        self, wanted: Any, isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> dict[TopicPartition, Any]:
        found = self.read_to if isolation_level is IsolationLevel.READ_COMMITTED else self.ends
        return {tp: SimpleNamespace(offset=found[tp]) for tp in wanted}


def test_a_transaction_that_stays_open_is_said_until_it_ends_and_others_are_not() -> None:
    """By topic, partition and offset: that of models keeps a server from its models as well."""
    broker, now = Broker(), [0.0]
    watch = OpenTransactions(lambda: now[0])

    def look(seconds: float) -> list[str]:
        now[0] = seconds
        return [*watch.look(broker, [RECORDS, MODELS])]

    assert look(0) == []
    broker.ends = {RECORDS: 20, MODELS: 4}
    assert look(10) == []
    broker.read_to[RECORDS] = 14  # one ended, another is open
    assert look(20) == []
    (line,) = look(26)
    assert "on models, partition 0, from offset 3 on waits for a transaction" in line
    assert len(look(36)) == 2
    broker.read_to = dict(broker.ends)
    assert look(40) == []
