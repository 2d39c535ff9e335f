"""The live view of heaters, with sliders for what is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection
from modelserving.records import TemperatureControl
from modelserving.temperature import HEATING_TOPICS, HeatingTopics
from modelserving.temperature.simulator import send_control
from modelserving.widgets.heater.chart import heater_frame
from modelserving.widgets.heater.feed import HeaterFeed
from modelserving.widgets.heater.snapshot import HeaterSnapshot
from modelserving.widgets.live import LiveView

__all__ = ["HeaterView"]


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
        self._setting = False
        self._sensor = ipywidgets.Dropdown(options=list(sensors), description="sensor", layout={"width": "11em"})
        self._sliders = {
            "desired": _slider("desired, °C", 21.0, 5.0, 35.0),
            "up": _slider("above, K", 0.5, 0.0, 3.0),
            "down": _slider("below, K", 0.5, 0.0, 3.0),
        }
        self._said = ipywidgets.HTML()
        controls = (self._sensor, *self._sliders.values(), self._said)
        self._sensor.observe(self._chosen, names="value")
        for slider in self._sliders.values():
            slider.observe(self._moved, names="value")
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
        self._setting = True
        try:
            for name, slider in self._sliders.items():
                slider.value = getattr(control, name)
        finally:
            self._setting = False

    def _moved(self, _: Mapping[str, Any]) -> None:
        if self._setting:
            return
        values = {name: slider.value for name, slider in self._sliders.items()}
        try:
            self.want(self._sensor.value, **values)
        except BrokerUnavailable as error:
            self._said.value = f"<em>Not sent: {error}</em>"
        else:
            self._said.value = f"<em>Sent to {self._topics.control}.</em>"


def _slider(name: str, value: float, low: float, high: float) -> Any:
    return ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=0.25, description=name, continuous_update=False, readout_format=".2f"
    )
