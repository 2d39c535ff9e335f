"""The live view of heaters, with sliders for what is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets

from modelserving.kafka import Connection
from modelserving.records import TemperatureControl
from modelserving.temperature import HEATING_TOPICS, HeatingTopics
from modelserving.temperature.simulator import send_control
from modelserving.widgets.heater.chart import heater_frame
from modelserving.widgets.heater.feed import HeaterFeed
from modelserving.widgets.heater.snapshot import HeaterSnapshot
from modelserving.widgets.live import LiveView
from modelserving.widgets.sliders import Sliders


class HeaterView(LiveView[HeaterSnapshot]):
    """Temperature, band and commands of rooms, as their topics say them; sliders change the band.

    The sliders send what ``want`` sends: where there are no widgets, call that.

    Args:
        connection: to the broker.
        topics: of the heater.
        sensors: those that the sliders can be set to.
        frames_per_second: 4 to 10.
    """

    def __init__(
        self,
        connection: Connection,
        topics: HeatingTopics = HEATING_TOPICS,
        *,
        sensors: Sequence[int] = (1,),
        frames_per_second: float = 5.0,
    ) -> None:
        self._connection, self._topics = connection, topics
        self._wanted = {sensor: TemperatureControl(sensor, 21.0, 0.5, 0.5) for sensor in sensors}
        self._sensor = ipywidgets.Dropdown(options=list(sensors), description="sensor", layout={"width": "11em"})
        self._sliders = Sliders(
            self._moved,
            desired=_slider("desired, °C", 21.0, 5.0, 35.0),
            up=_slider("above, K", 0.5, 0.0, 3.0),
            down=_slider("below, K", 0.5, 0.0, 3.0),
        )
        controls = (self._sensor, *self._sliders.widgets)
        self._sensor.observe(self._chosen, names="value")
        name = f"heater {topics.heater}"
        super().__init__(
            HeaterFeed(connection, topics), heater_frame, name=name, frames_per_second=frames_per_second,
            controls=controls,
        )  # fmt: skip

    def want(self, sensor: int, desired: float, up: float = 0.5, down: float = 0.5) -> None:
        """Say how warm it should be at a sensor, as the sliders do, and wait until the broker has it.

        Args:
            sensor: where.
            desired: °C.
            up: how far above is still well, K.
            down: how far below is still well, K.

        Raises:
            BrokerUnavailable: no broker answers.
        """
        control = self._wanted[sensor] = TemperatureControl(sensor, desired, up, down)
        if sensor == self._sensor.value:
            self._show(control)
        send_control(self._connection, control, self._topics)

    def _chosen(self, change: Mapping[str, Any]) -> None:
        """The sliders show what is wanted at the sensor that was chosen."""
        self._show(self._wanted[change["new"]])

    def _show(self, control: TemperatureControl) -> None:
        self._sliders.show(desired=control.desired, up=control.up, down=control.down)

    def _moved(self, **values: float) -> str:
        self.want(self._sensor.value, **values)
        return f"Sent to {self._topics.control}."


def _slider(name: str, value: float, low: float, high: float) -> Any:
    return ipywidgets.FloatSlider(
        value=value,
        min=low,
        max=high,
        step=0.25,
        description=name,
        continuous_update=False,
        readout_format=".2f",
        layout={"width": "auto", "flex": "1 1 17em"},
        style={"description_width": "initial"},
    )
