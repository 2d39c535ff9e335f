"""Models that are there, without a broker."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelserving.kafka import Connection
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.serving.options import ServerOptions
from modelserving.streams_server.distribution import GlobalModels

NOWHERE = Connection("127.0.0.1:1"), ServerOptions(preload=False)
"""No broker is there."""


@dataclass(slots=True)
class ReadyModels(GlobalModels):
    """Models that a test puts in their slots by hand."""

    slots: ModelSlots = field(default_factory=ModelSlots)

    def __post_init__(self) -> None:
        GlobalModels.__init__(self, *NOWHERE)
        self.threads[0].slots = self.slots
        self.start()
        self.begin()
