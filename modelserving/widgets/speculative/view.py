"""The live view of several models that are asked, with sliders for the deadline and for how slow the first one is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets

from modelserving.kafka import Connection
from modelserving.records import Topics
from modelserving.speculative.control import send_settings
from modelserving.speculative.settings import SpeculativeSettings
from modelserving.widgets.live import LiveView
from modelserving.widgets.sliders import Sliders
from modelserving.widgets.speculative.chart import answers_frame
from modelserving.widgets.speculative.feed import AnswersFeed, AnswersSnapshot


class AnswersView(LiveView[AnswersSnapshot]):
    """Whose answers leave, moment by moment; sliders change the deadline, and how slow the preferred model is.

    The sliders send what ``want`` sends: where there are no widgets, call that.

    Args:
        connection: to the broker.
        topics: of the pipeline.
        server_url: of the server; a function, since one that comes back may be elsewhere.
        settings: what is wanted when the view opens; sent at once.
        frames_per_second: 4 to 10.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Topics,
        server_url: Callable[[], str],
        settings: SpeculativeSettings,
        *,
        frames_per_second: float = 5.0,
    ) -> None:
        self._connection, self._topics = connection, topics
        self.settings = settings
        self._sliders = Sliders(
            self._moved,
            deadline_ms=_slider("deadline, ms", settings.deadline_ms),
            slowed_ms=_slider("slowness, ms", settings.participants[0].slowed_ms),
        )
        send_settings(connection, topics, settings.data_type, settings)
        feed = AnswersFeed(lambda: f"{server_url()}/speculative/{settings.data_type}")
        name = f"speculative {topics.scored}"
        super().__init__(
            feed, answers_frame, name=name, frames_per_second=frames_per_second, controls=self._sliders.widgets
        )

    def want(self, deadline_ms: float | None = None, slowed_ms: float | None = None, **more: Any) -> None:
        """Say what is wanted, as the sliders do, and wait until the broker has it.

        Args:
            deadline_ms: milliseconds; ``None``: as it is.
            slowed_ms: of the preferred participant, milliseconds; ``None``: as it is.
            more: other fields of the settings.

        Raises:
            BrokerUnavailable, KafkaError: the broker does not take it.
        """
        settings = replace(self.settings, **more)
        if deadline_ms is not None:
            settings = replace(settings, deadline_ms=float(deadline_ms))
        if slowed_ms is not None:
            first, *others = settings.participants
            settings = replace(settings, participants=(replace(first, slowed_ms=float(slowed_ms)), *others))
        send_settings(self._connection, self._topics, settings.data_type, settings)
        self.settings = settings
        self._sliders.show(deadline_ms=settings.deadline_ms, slowed_ms=settings.participants[0].slowed_ms)

    def _moved(self, **values: float) -> str:
        self.want(**values)
        return "Sent."


def _slider(name: str, value: float) -> Any:
    return ipywidgets.FloatSlider(
        value=value, min=0.0, max=300.0, step=5.0, description=name, continuous_update=False, readout_format=".0f",
        style={"description_width": "initial"},
    )  # fmt: skip
