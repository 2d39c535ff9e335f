"""What every server of models says of itself, whatever scores in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from modelserving.kafka import Connection
from modelserving.models.lifecycle.controller import ModelController
from modelserving.serving.options import ServerOptions
from modelserving.serving.report.meter import Meter
from modelserving.serving.report.status import Counts, Phase
from modelserving.serving.running.watch import TopicWatch


class ModelServer(ABC):
    """The part of a ``ServerView`` that does not depend on how records are scored.

    Args:
        connection: to the cluster.
        options: how it runs.
    """

    def __init__(self, connection: Connection, options: ServerOptions) -> None:
        self.options = options
        self.phase: str = Phase.STARTING
        self.watch = TopicWatch(connection, options)
        self.meter = Meter()
        self._connection = connection

    @property
    @abstractmethod
    def controllers(self) -> Sequence[ModelController]:
        """What decides about its models; several where each knows some of them."""

    @property
    def counts(self) -> Counts:
        """What became of the records."""
        return self.meter.counts

    @property
    def lag(self) -> Mapping[int, int]:
        """How many records its group has not dealt with yet, by partition; empty while the broker does not say."""
        return self.watch.lag

    @property
    def lost(self) -> Mapping[int, int]:
        """How many records the broker let go before they were scored, by partition."""
        return self.watch.audit.lost

    @property
    def models_refused(self) -> int:
        """How many messages were no model fit to serve, or no command that can be followed."""
        return sum(controller.refused for controller in self.controllers)

    @property
    def models_absent(self) -> Mapping[str, str]:
        """For each data type whose last command names a model that is nowhere: what is wrong, and how to mend it."""
        return {name: why for controller in self.controllers for name, why in controller.absent.items()}

    def _wait(self) -> None:
        """The broker is away, or another server took over."""
        self.phase = Phase.WAITING
