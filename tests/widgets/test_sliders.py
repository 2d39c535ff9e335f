"""Sliders that send what they say."""

from __future__ import annotations

import ipywidgets
import pytest
from kafka.errors import KafkaTimeoutError

from modelserving.errors import BrokerUnavailable
from modelserving.widgets.sliders import Sliders


class _Broker:
    """Takes what sliders send, or fails."""

    def __init__(self) -> None:
        self.sent: list[dict[str, float]] = []
        self.trouble: Exception | None = None

    def send(self, **values: float) -> str:
        if self.trouble is not None:
            raise self.trouble
        self.sent.append(values)
        return "Sent to <b>."


@pytest.fixture
def broker() -> _Broker:
    return _Broker()


@pytest.fixture
def sliders(broker: _Broker) -> Sliders:
    return Sliders(broker.send, up=ipywidgets.FloatSlider(), down=ipywidgets.FloatSlider())


def test_a_move_sends_all_values_and_says_so(broker: _Broker, sliders: Sliders) -> None:
    """What is said is text, even where it looks like markup."""
    sliders.by_name["up"].value = 3.0
    assert broker.sent == [{"up": 3.0, "down": 0.0}]
    assert "Sent to &lt;b&gt;." in sliders.said.value


def test_what_is_only_shown_is_not_sent(broker: _Broker, sliders: Sliders) -> None:
    """A choice of another room sets its sliders to what is wanted there already."""
    sliders.show(up=2.0, down=1.0)
    assert not broker.sent
    assert [slider.value for slider in sliders.by_name.values()] == [2.0, 1.0]


@pytest.mark.parametrize("trouble", [KafkaTimeoutError("60 s"), BrokerUnavailable("nobody answers")])
def test_what_was_not_sent_is_said_beside_the_slider(broker: _Broker, sliders: Sliders, trouble: Exception) -> None:
    """An error that leaves a widget's function is seen by nobody: the line would go on to say that it was sent."""
    sliders.by_name["up"].value = 3.0
    broker.trouble = trouble
    sliders.by_name["up"].value = 4.0
    assert "Not sent: " in sliders.said.value
