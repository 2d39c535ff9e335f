"""The stage's server with several models: the same life, the same topics, the same transaction, another score."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from threading import Event

import anyio
import anyio.to_thread

from modelserving.actors import PykkaRuntime
from modelserving.kafka import Connection
from modelserving.models.lifecycle.refusals import RefusalWriter
from modelserving.monitoring.monitor.tail import TopicTail
from modelserving.monitoring.truth.topic import judged_topic
from modelserving.serving.options import ServerOptions
from modelserving.serving.running.worker_thread import run_abandonable
from modelserving.speculative.control import SettingsSource, settings_topic
from modelserving.speculative.isolated import build_isolated
from modelserving.speculative.starter import Starter
from modelserving.speculative.tracking import create_judged_topic
from modelserving.stage import StageServer


class SpeculativeServer(StageServer):
    """Asks several models about each record, and publishes one answer to it, in time. Runs until cancelled.

    Each model is published under a data type of its own (``hire-smart``, ``hire-fast``), so it has all that models
    have: it is replaced between two records, checked, rolled back, kept. The settings, a topic of their own, say which
    of them are asked about the records of which data type.

    Args:
        connection: to the cluster; the topics, that of the settings, too, are there.
        options: how it runs.
        isolated: the participants whose models get a process of their own; ``*``: all.
    """

    def __init__(self, connection: Connection, options: ServerOptions, isolated: tuple[str, ...] = ()) -> None:
        if isolated:
            options = replace(options, build=partial(build_isolated, names=isolated, build=options.build))
        self._runtime = PykkaRuntime()
        self.starter = Starter(self._runtime, options.make_decoder())
        super().__init__(connection, options, self.starter.score)

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            BrokerUnavailable: no broker answers at the start; later on, it is waited for.
        """
        topics, stop = self.options.topics, Event()
        judged = judged_topic(topics)
        await anyio.to_thread.run_sync(create_judged_topic, self._connection, topics)
        truths = TopicTail(self._connection, (judged,), self.starter.tracker.take, whole=(judged,))
        refusals = RefusalWriter(self._connection, topics, also=(settings_topic(topics),))
        try:
            async with (
                SettingsSource(self._connection, topics, self.starter.configure, refusals.write) as settings,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(settings.follow)
                tasks.start_soon(run_abandonable, partial(truths.run, stop))
                await anyio.to_thread.run_sync(self.starter.preload)
                await super().run()
        finally:
            stop.set()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(refusals.close)
                await anyio.to_thread.run_sync(self._runtime.close)
