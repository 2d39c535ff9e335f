"""Keeps what the heater's topics said lately, and counts what they said in all."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol, TypeVar

from modelserving.records import HeaterCommand, HeaterControl, SensorReading, TemperatureControl
from modelserving.widgets.heater.snapshot import WINDOW_S, Band, HeaterSnapshot, Reading, RoomSeen, SentCommand

_READINGS, _CHANGES = 1500, 200


class _Timed(Protocol):
    @property
    def at_s(self) -> float: ...


T = TypeVar("T", bound=_Timed)


@dataclass(slots=True)
class _Room:
    """What is kept of one room."""

    readings: deque[Reading] = field(default_factory=lambda: deque(maxlen=_READINGS))
    bands: deque[Band] = field(default_factory=lambda: deque(maxlen=_CHANGES))
    sent: deque[SentCommand] = field(default_factory=lambda: deque(maxlen=_CHANGES))
    commands: int = 0
    repeated: int = 0

    @property
    def last(self) -> HeaterCommand | None:
        return self.sent[-1].command if self.sent else None


class HeaterTally:
    """Takes messages from one thread, and gives snapshots to any."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rooms: dict[int, _Room] = {}
        self._readings = self._dead_letters = 0

    def take(self, said: SensorReading | TemperatureControl | HeaterControl, at_s: float) -> None:
        """Take one message.

        Args:
            said: what it says.
            at_s: its time, seconds since 1970.
        """
        with self._lock:
            room = self._rooms.setdefault(said.sensor, _Room())
            match said:
                case SensorReading(temperature=temperature):
                    self._readings += 1
                    room.readings.append(Reading(at_s, temperature))
                case TemperatureControl(desired=desired, up=up, down=down):
                    room.bands.append(Band(at_s, desired - down, desired, desired + up))
                case HeaterControl(command=command):
                    again = command is room.last
                    room.commands += 1
                    room.repeated += again
                    room.sent.append(SentCommand(at_s, command, again))

    def add_dead_letters(self, number: int) -> None:
        """Count messages that nobody could read."""
        with self._lock:
            self._dead_letters += number

    def snapshot(self, now_s: float) -> HeaterSnapshot:
        """How things stand.

        Args:
            now_s: seconds since 1970.
        """
        since = now_s - WINDOW_S
        with self._lock:
            rooms = tuple(_seen(sensor, room, since) for sensor, room in sorted(self._rooms.items()))
            return HeaterSnapshot(now_s, rooms, self._readings, self._dead_letters)


def _seen(sensor: int, room: _Room, since: float) -> RoomSeen:
    return RoomSeen(
        sensor,
        tuple(reading for reading in room.readings if reading.at_s >= since),
        _from(room.bands, since),
        _from(room.sent, since),
        room.commands,
        room.repeated,
    )


def _from(changes: deque[T], since: float) -> tuple[T, ...]:
    """What changed since then, and the one before that, which held at that time."""
    kept = list(changes)
    before = sum(change.at_s < since for change in kept)
    return tuple(kept[max(0, before - 1) :])
