"""The live view of a stage server."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from modelserving.kafka import Connection
from modelserving.models.admin.publish import send_command
from modelserving.records import Topics
from modelserving.widgets.live import Frame, LiveView
from modelserving.widgets.stage.chart import stage_frame
from modelserving.widgets.stage.feed import ScoreFeed
from modelserving.widgets.stage.models import ModelTable
from modelserving.widgets.stage.snapshot import StageSnapshot


class StageView(LiveView[StageSnapshot]):
    """Scores over time, the model in use, swaps, latency and counts of one stage, as its results come in.

    It reads the topics of results and dead letters from their beginning and disturbs nobody: it belongs to no consumer
    group and commits nothing.

    Args:
        connection: to the broker.
        topics: of the stage.
        server_url: the server's HTTP face, for what only the server knows; ``None`` not to ask it.
        max_records: end after so many scores; ``None``: when stopped.
        frames_per_second: 4 to 10.
        controls: further widgets, such as buttons.
        commands: whether a table of the server's models is below, with buttons to roll back, and to begin, promote and
            end a shadow; it needs ``server_url``.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Topics,
        server_url: str | None = None,
        *,
        max_records: int | None = None,
        frames_per_second: float = 5.0,
        controls: Sequence[Any] = (),
        commands: bool = False,
    ) -> None:
        self.models: ModelTable | None = None
        if commands:
            self.models = ModelTable(partial(send_command, connection, topics, issued_by="the live view"))
        feed = ScoreFeed(connection, topics, server_url, max_records=max_records)
        name = f"stage {topics.scored}"
        below = () if self.models is None else (self.models.widget,)
        super().__init__(
            feed, self._frame, name=name, frames_per_second=frames_per_second, controls=controls, below=below
        )

    def _frame(self, snapshot: StageSnapshot, width: int) -> Frame:
        if self.models is not None:
            self.models.show(snapshot.server)
        return stage_frame(snapshot, width)
