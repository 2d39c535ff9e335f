"""The engine's consumers, as Java calls them."""

from __future__ import annotations

from unittest.mock import Mock

from modelserving.kstreams.bridge.clients import _Patient


def test_a_consumer_that_is_closed_takes_back_metrics_without_a_word() -> None:
    """A global thread gives them back after it has closed its consumer; an error there would end the thread aloud."""
    java = Mock()
    consumer = _Patient(java, Mock())
    consumer.unregisterMetricFromSubscription("open")
    consumer.close()
    consumer.unregisterMetricFromSubscription("closed")
    java.unregisterMetricFromSubscription.assert_called_once_with("open")
