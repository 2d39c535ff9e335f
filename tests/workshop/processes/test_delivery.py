"""A worker that deals with batches, as a process of its own."""

from __future__ import annotations

from modelserving.workshop.processes.delivery import DeliveryWorker


def test_a_worker_that_has_ended_can_be_told_to_go_on() -> None:
    """The cell that lets a zombie go on can be run twice; the second time changes nothing."""
    with DeliveryWorker("no such order of work", "source", "target", "name") as worker:
        assert worker.wait() == 2
        worker.go_on()
        assert worker.wait() == 2
