"""A worker that deals with batches, as a process of its own."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from modelserving.errors import WaitTimeout
from modelserving.kafka import Connection
from modelserving.workshop.processes import delivery
from modelserving.workshop.processes.delivery import DeliveryWorker, deal_with_all


def test_a_worker_that_has_ended_can_be_told_to_go_on() -> None:
    """The cell that lets a zombie go on can be run twice; the second time changes nothing."""
    with DeliveryWorker("no such order of work", "source", "target", "name") as worker:
        assert worker.wait() == 2
        worker.go_on()
        assert worker.wait() == 2


def test_a_worker_that_gets_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows the topic before it joins the group: else it would get nothing, and keep that under its name."""
    consumer = MagicMock()
    consumer.__enter__.return_value = consumer
    consumer.committed.return_value = 2
    consumer.poll.side_effect = lambda **_: {} if consumer.partitions_for_topic.called else pytest.fail("too early")
    monkeypatch.setattr(delivery, "end_offsets", lambda *_: {0: 5})
    monkeypatch.setattr(delivery, "make_producer", MagicMock())
    monkeypatch.setattr(delivery, "make_consumer", lambda *_, **__: consumer)
    monkeypatch.setattr(delivery, "_PATIENCE_S", 0.01)
    with pytest.raises(WaitTimeout, match="source was read to offset 2 of 5"):
        deal_with_all(Connection("nowhere:1"), "at-least-once", "source", "target", "name")
