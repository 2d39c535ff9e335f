"""Rooms that heat and cool: Newton's law of cooling, and a heater that is on or off.

A room holds heat: to warm it by one kelvin takes its *capacity* (kJ/K). It loses heat in proportion to how much warmer
it is than outside, its *loss* (W/K), and gains what the heater gives while it is on (W)::

    capacity * dT/dt = heater - loss * (T - outside)

The solution for a time in which nothing changes is exact, so a step may be long:
``T`` nears ``outside + heater / loss`` with the time constant ``capacity / loss``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from modelserving.records import HeaterCommand


@dataclass(frozen=True, slots=True)
class Room:
    """A room, as it is now.

    The defaults are a living room of 20 m² in winter: alone it cools by half of its difference to outside in six hours,
    and the heater could warm it to 30 °C.

    Args:
        sensor: its sensor's number.
        temperature: °C.
        heating: whether the heater is on.
        outside: °C.
        heater_w: what the heater gives, W.
        loss_w_per_k: what it loses for each kelvin that it is warmer than outside, W/K.
        capacity_kj_per_k: what it takes to warm it by a kelvin, kJ/K.
    """

    sensor: int
    temperature: float = 15.0
    heating: bool = False
    outside: float = 0.0
    heater_w: float = 1500.0
    loss_w_per_k: float = 50.0
    capacity_kj_per_k: float = 1500.0

    def after(self, seconds: float) -> Room:
        """The same room some seconds later."""
        gain = self.heater_w if self.heating else 0.0
        rest = self.outside + gain / self.loss_w_per_k
        decay = math.exp(-seconds * self.loss_w_per_k / (self.capacity_kj_per_k * 1000.0))
        return replace(self, temperature=rest + (self.temperature - rest) * decay)

    def obey(self, command: HeaterCommand) -> Room:
        """The same room with its heater told to be on or off."""
        return replace(self, heating=command is HeaterCommand.ON)
