"""Lesson 11: a heater's controller that knows after a restart what it has said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelserving.kstreams import ProcessorSupplier, Stores, Topology, TopologyTestDriver, serde, text
from modelserving.records import (
    HeaterCommand,
    HeaterControl,
    SensorReading,
    TemperatureControl,
    decode_heater,
    decode_reading,
    decode_temperature_control,
    encode_heater,
    encode_reading,
    encode_temperature_control,
)
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_READINGS = serde(encode_reading, decode_reading)
_CONTROLS = serde(encode_temperature_control, decode_temperature_control)
_COMMANDS = serde(encode_heater, decode_heater)
_COLD, _WARM = (19.0, 18.5, 18.0), (18.0, 19.0, 21.0, 22.0)

_Log = list[tuple[str, str | None]]


def check(lesson: LessonEnvironment, remembering: type) -> str:  # noqa: ARG001 - asks the engine, which needs no broker here
    """Let it say on, end it, and begin another one with what the changelog has."""
    told, log = _life(remembering, _COLD, [])
    require(told == ["ON"], f"Three cold readings, and it says {_said(told)}. Once ON was expected.")
    require(log, "The store `previous` was never written, so nothing is on its changelog: `self.previous.put(...)`.")
    again, _ = _life(remembering, (17.5,), log)
    require(
        not again,
        f"It had said ON and ended. The one after it reads 17.5 °C and says {_said(again)} once more. "
        "What was said last must be asked of the store, and not of an attribute.",
    )
    later, changes = _life(remembering, _WARM, log)
    require(later == ["OFF"], f"Then it gets warm, and it says {_said(later)}. OFF was expected, once.")
    require(
        len(log) == 1 and len(changes) == 1,
        f"Two commands, and {len(log) + len(changes)} entries on the changelog. Write when something is said, "
        "not at each reading: each entry goes to the broker.",
    )
    return "On before it ended; nothing again after it; off when it got warm. Two commands cost two entries."


def _life(remembering: type, temperatures: Sequence[float], restored: _Log) -> tuple[list[str], _Log]:
    """One life of an instance: what it says, and what it adds to the changelog of what it has said."""
    with TopologyTestDriver(_topology(remembering), application_id="try") as driver:
        driver.getStateStore("controls").put("1", TemperatureControl(1, 20.5, 0.5, 0.5))
        for key, value in restored:
            driver.getStateStore("previous").put(key, value)
        readings = driver.createInputTopic("sensor", text(), _READINGS)
        for temperature in temperatures:
            readings.pipeInput("1", SensorReading(1, temperature))
        said: list[HeaterControl] = driver.createOutputTopic("heater", text(), _COMMANDS).readValuesToList()
        log = driver.createOutputTopic("try-previous-changelog", text(), text()).readKeyValuesToList()
        return [HeaterCommand(one.command).name for one in said], log[len(restored) :]


def _topology(remembering: type) -> Any:
    topology = Topology()
    topology.addSource("readings", text().deserializer(), _READINGS.deserializer(), "sensor")
    topology.addProcessor("decide", ProcessorSupplier(remembering), "readings")
    for name, values in (("controls", _CONTROLS), ("previous", text())):
        kind = Stores.inMemoryKeyValueStore(name)
        topology.addStateStore(Stores.keyValueStoreBuilder(kind, text(), values), "decide")
    topology.addSink("sink", "heater", text().serializer(), _COMMANDS.serializer(), "decide")
    return topology


def _said(told: list[str]) -> str:
    return ", ".join(told) or "nothing"


_HEAD = """
from modelserving.kstreams import Processor
from modelserving.records import HeaterCommand, HeaterControl
from modelserving.temperature import decide

class Remembering(Processor):
    def init(self, context):
        super().init(context)
        self.controls = context.getStateStore("controls")
        self.previous = context.getStateStore("previous")

    def process(self, record):
        reading, control = record.value(), self.controls.get(record.key())
"""

EXERCISE = Exercise(
    id="heater-remember",
    lesson="11",
    title="Remember what was said",
    goal="""
`Decide` keeps in its memory what it has said last. Write `Remembering`, which keeps that in a store: `previous`, with
the names of commands as text (`"ON"`, `"OFF"`; `HeaterCommand["ON"]` is the command). After a restart it says nothing
twice.

The check ends one instance, and gives the next one what is on the changelog. It also counts how much you write there.
""",
    stub=_HEAD
    + """
        name = self.previous.get(record.key())
        before = HeaterCommand[name] if name else None
        command = decide(reading.temperature, control, ...)
        if command is not None:
            self.previous.put(..., ...)
            self.context.forward(record.withValue(HeaterControl(reading.sensor, command)))
""",
    answer="Remembering",
    hints=(
        "`decide` takes what was said last as its third argument: that is `before`.",
        "The key of the store is that of the record, and the value is text: `command.name`.",
    ),
    reference=_HEAD
    + """
        name = self.previous.get(record.key())
        before = HeaterCommand[name] if name else None
        command = decide(reading.temperature, control, before)
        if command is not None:
            self.previous.put(record.key(), command.name)
            self.context.forward(record.withValue(HeaterControl(reading.sensor, command)))
""",
    wrong=(
        WrongAnswer(
            _HEAD
            + """
        command = decide(reading.temperature, control, getattr(self, "before", None))
        if command is not None:
            self.before = command
            self.previous.put(record.key(), command.name)
            self.context.forward(record.withValue(HeaterControl(reading.sensor, command)))
""",
            "must be asked of the store",
        ),
        WrongAnswer(
            _HEAD
            + """
        name = self.previous.get(record.key())
        before = HeaterCommand[name] if name else None
        command = decide(reading.temperature, control, before)
        self.previous.put(record.key(), command.name if command is not None else name)
        if command is not None:
            self.context.forward(record.withValue(HeaterControl(reading.sensor, command)))
""",
            "Write when something is said",
        ),
        WrongAnswer(
            _HEAD
            + """
        name = self.previous.get(record.key())
        before = HeaterCommand[name] if name else None
        command = decide(reading.temperature, control, before)
        if command is not None:
            self.context.forward(record.withValue(HeaterControl(reading.sensor, command)))
""",
            "Once ON was expected",
        ),
        WrongAnswer(
            _HEAD
            + """
        command = decide(reading.temperature, control, getattr(self, "before", None))
        if command is not None:
            self.before = command
            self.context.forward(record.withValue(HeaterControl(reading.sensor, command)))
""",
            "was never written",
        ),
    ),
    check=check,
)
