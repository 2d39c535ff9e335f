"""How rooms and heaters stand at one moment: values that a picture is drawn from, and that a lesson asserts on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelserving.records import HeaterCommand

WINDOW_S = 24.0
"""How far back the picture looks, seconds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A sensor's reading.

    Args:
        at_s: when, seconds since 1970.
        temperature: °C.
    """

    at_s: float
    temperature: float


@dataclass(frozen=True, slots=True)
class Band:
    """How warm it should be, from a moment on.

    Args:
        at_s: since when, seconds since 1970.
        low: °C.
        desired: °C.
        high: °C.
    """

    at_s: float
    low: float
    desired: float
    high: float


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command to a heater.

    Args:
        at_s: when, seconds since 1970: the time of the reading that it answers.
        command: on or off.
        again: whether the command before it said the same.
    """

    at_s: float
    command: HeaterCommand
    again: bool = False


@dataclass(frozen=True, slots=True)
class RoomSeen:
    """One room, as its topics show it.

    Args:
        sensor: its number.
        readings: of the last ``WINDOW_S`` seconds, oldest first.
        bands: those of the same time, oldest first; the first one may have begun before.
        sent: commands of the same time, oldest first; the first one may have come before.
        commands: all commands since the view began.
        repeated: those of them that said what the one before had said already.
    """

    sensor: int
    readings: tuple[Reading, ...] = ()
    bands: tuple[Band, ...] = ()
    sent: tuple[SentCommand, ...] = ()
    commands: int = 0
    repeated: int = 0

    @property
    def temperature(self) -> float | None:
        """The last reading, °C."""
        return self.readings[-1].temperature if self.readings else None

    @property
    def band(self) -> Band | None:
        """What is wanted now."""
        return self.bands[-1] if self.bands else None

    @property
    def heating(self) -> bool:
        """Whether its heater was told to be on last."""
        return bool(self.sent) and self.sent[-1].command is HeaterCommand.ON

    @property
    def as_wanted(self) -> bool:
        """Whether it is in its band; a quarter of a kelvin beside it still counts, since a heater is a bit late."""
        now, band = self.temperature, self.band
        return now is not None and band is not None and band.low - 0.25 <= now <= band.high + 0.25

    @property
    def reached(self) -> bool:
        """Whether it has been in its band since that was set.

        Where all is slow, commands come late, and a room goes to and fro across its band: it need not be in it now.
        """
        band = self.band
        return band is not None and any(
            one.at_s >= band.at_s and band.low <= one.temperature <= band.high for one in self.readings
        )


@dataclass(frozen=True, slots=True)
class HeaterSnapshot:
    """All rooms.

    Args:
        now_s: when this was, seconds since 1970.
        rooms: by the number of their sensor.
        readings: all readings since the view began.
        dead_letters: messages that nobody could read.
    """

    now_s: float
    rooms: tuple[RoomSeen, ...] = ()
    readings: int = 0
    dead_letters: int = 0

    @property
    def quiet(self) -> bool:
        """Whether no sensor has said anything for three seconds."""
        return all(self.now_s - room.readings[-1].at_s > 3 for room in self._reading_rooms())

    def room(self, sensor: int) -> RoomSeen:
        """One room; of an unknown sensor, an empty one."""
        return next((room for room in self.rooms if room.sensor == sensor), RoomSeen(sensor))

    def _reading_rooms(self) -> Iterator[RoomSeen]:
        return (room for room in self.rooms if room.readings)
