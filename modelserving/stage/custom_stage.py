"""The custom stage: two inlets, one outlet, and a model that changes between two records.

::

    data   ──────▶┌───────────────────┐
                  │ ModelServingStage │──────▶ outlet
    models ──────▶└───────────────────┘

Demand flows against the arrows. The stage asks ``data`` for a batch only when the outlet has taken the last one, so a
slow reader of the results slows the reading of the topic: that is back pressure, and there is no queue that could grow.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
from anyio.lowlevel import checkpoint
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from modelserving.models.info import SlotsUpdate
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.serving.scoring import Score, score_batch


class ModelServingStage:
    """Scores batches with the newest model.

    Args:
        slots: where the models live.
        worker: the thread that scores, so that the event loop stays free for HTTP.
        score: what is done with a batch.
    """

    def __init__(self, slots: ModelSlots, worker: WorkerThread, score: Score = score_batch) -> None:
        self.slots = slots
        self._worker = worker
        self._score = score

    async def run(
        self,
        data: AsyncIterator[Batch],
        models: MemoryObjectReceiveStream[SlotsUpdate],
        outlet: MemoryObjectSendStream[ScoredBatch],
    ) -> None:
        """Run until ``data`` ends; then close the outlet.

        Args:
            data: batches; asked for the next one only when the outlet has taken the last.
            models: what the slots hold from now on, ready to take effect. A change is always preferred to a batch.
            outlet: takes what became of each batch; without a buffer, so that taking means wanting.
        """
        async with outlet, anyio.create_task_group() as tasks:
            self._change_waiting(models)
            tasks.start_soon(self._change_on_arrival, models)
            async for batch in data:
                await checkpoint()  # a change on its way comes first
                self._change_waiting(models)
                await outlet.send(await self._worker.run(self._score, batch, self.slots))
            tasks.cancel_scope.cancel()

    def _change_waiting(self, models: MemoryObjectReceiveStream[SlotsUpdate]) -> None:
        """Before each batch: the changes that are there already."""
        with suppress(anyio.WouldBlock, anyio.EndOfStream):
            while True:
                self.slots.apply(models.receive_nowait())

    async def _change_on_arrival(self, models: MemoryObjectReceiveStream[SlotsUpdate]) -> None:
        """While there is no data: a change need not wait for the next record. A batch being scored keeps its own."""
        async for update in models:
            self.slots.apply(update)
