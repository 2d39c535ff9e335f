"""The dynamically controlled heater: a stream of readings, controlled by a second stream. The model server in small.

::

    sensor ─────────▶ decide ─▶ heater            a command, only when it changes
    heater-control ─▶ store ──▲  └▶ dead letters   what is wanted, kept for each sensor, with a changelog

    decide.py                      the idea, in ten lines
    topics.py                      the topics, by name
    topology.py ─▶ server.py       on the real Kafka Streams
    faces.py                       what is wanted, asked at any instance
    rooms.py ─▶ simulator.py       rooms that heat and cool, and their life on the topics
"""

from modelserving.temperature.decide import decide
from modelserving.temperature.rooms import Room
from modelserving.temperature.server import HeatingOptions, HeatingServer
from modelserving.temperature.simulator import Simulator
from modelserving.temperature.topics import HEATING_TOPICS, HeatingTopics
from modelserving.temperature.topology import make_heating_topology

__all__ = [
    "HEATING_TOPICS",
    "HeatingOptions",
    "HeatingServer",
    "HeatingTopics",
    "Room",
    "Simulator",
    "decide",
    "make_heating_topology",
]
