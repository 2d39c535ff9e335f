"""The idea of the dynamically controlled heater, without Kafka: a pure function."""

from __future__ import annotations

from modelserving.records import HeaterCommand, TemperatureControl


def decide(
    temperature: float, control: TemperatureControl | None, previous: HeaterCommand | None
) -> HeaterCommand | None:
    """What the heater has to be told now, if anything.

    Inside the band nothing changes: a heater that is switched at every tenth of a degree does not live long.

    Args:
        temperature: °C.
        control: what is wanted; ``None``: nobody has said, so nothing is controlled.
        previous: what the heater was told last, as far as is known.
    """
    if control is None:
        return None
    if temperature > control.desired + control.up:
        wanted = HeaterCommand.OFF
    elif temperature < control.desired - control.down:
        wanted = HeaterCommand.ON
    else:
        return None
    return None if wanted == previous else wanted
