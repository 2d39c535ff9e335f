"""What an alarm may do, if it was asked to: let the model before serve again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from modelserving.monitoring.drift.columns import Alarm

log = logging.getLogger(__name__)

_PAUSE_S = 3_600.0


class RollBackOnAlarm:
    """Sends a command when a column drifts; at most one an hour for each data type.

    Rolled back twice, the model would serve again that was rolled back; and records that drift do so under any model.

    Args:
        send: sends the command for a data type, and says who wants it.
        clock: seconds.
    """

    def __init__(self, send: Callable[[str, str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._last: dict[str, float] = {}

    def __call__(self, alarm: Alarm) -> None:
        """Roll back, unless that was done not long ago. Whatever fails is logged: who looks goes on looking."""
        now = self._clock()
        if now - self._last.get(alarm.data_type, -_PAUSE_S) < _PAUSE_S:
            return
        self._last[alarm.data_type] = now
        try:
            self._send(alarm.data_type, f"drift alarm: {alarm.column}")
        except Exception:  # the broker is away, or says no
            log.exception("%s cannot be rolled back", alarm.data_type)
        else:
            log.warning("%s is rolled back: %s", alarm.data_type, alarm)
