"""What an alarm may do; without a broker."""

from __future__ import annotations

import pytest

from modelserving.errors import BrokerUnavailable
from modelserving.monitoring.drift.columns import Alarm
from modelserving.monitoring.drift.detector import Shift
from modelserving.monitoring.monitor.rollback import RollBackOnAlarm


def alarm(data_type: str = "wine") -> Alarm:
    """A column drifts."""
    return Alarm(data_type, "alcohol", "", Shift(1_000, "mean 9", "mean 11"), 0)


def test_a_model_is_rolled_back_once_however_often_the_alarm_rings() -> None:
    """Twice would bring the rolled back one again; another data type is another matter; after an hour it is news."""
    sent: list[tuple[str, str]] = []
    now = [0.0]
    roll_back = RollBackOnAlarm(lambda *said: sent.append(said), lambda: now[0])
    for data_type in ("wine", "wine", "beer"):
        roll_back(alarm(data_type))
    assert sent == [("wine", "drift alarm: alcohol"), ("beer", "drift alarm: alcohol")]
    now[0] = 3_600.0
    roll_back(alarm())
    assert len(sent) == 3


def test_a_command_that_cannot_be_sent_does_not_end_the_looking(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged."""

    def fail(data_type: str, why: str) -> None:
        raise BrokerUnavailable("away")

    RollBackOnAlarm(fail)(alarm())
    assert "wine cannot be rolled back" in caplog.text
