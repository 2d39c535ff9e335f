"""Lesson 07: a node of one's own in a topology."""

from __future__ import annotations

from modelserving.config import data_folder
from modelserving.kstreams import ProcessorSupplier, Topology, TopologyTestDriver, serde, text
from modelserving.records import WineRecord, decode_wine, encode_wine, read_wines
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_STRONG = 12.0
_Bottle = tuple[str, WineRecord | None]


def check(lesson: LessonEnvironment, strong: type) -> str:  # noqa: ARG001 - asks the engine, which needs no broker here
    """Run the processor in the engine, on wines of both colours and an empty bottle, and read what came out."""
    bottles = _bottles()
    expected = [(key, wine) for key, wine in bottles if wine is not None and wine.alcohol > _STRONG]
    came = _through(strong, bottles)
    require(came, "Nothing came out. What is to come out, hand on: `self.context.forward(record)`.")
    weak = [wine for key, wine in came if (key, wine) not in expected]
    require(
        not weak,
        f"{len(weak)} came out that are not strong, the first with {_alcohol(weak)}. "
        f"More than {_STRONG:g} % is strong; exactly {_STRONG:g} % is not.",
    )
    require(len(came) >= len(expected), f"{len(expected)} wines are strong, and {len(came)} came out.")
    require(
        came == expected,
        f"{len(expected)} wines are strong, and {len(came)} came out: some of them more than once. Forward each once.",
    )
    return f"{len(bottles)} bottles went into the engine, {len(came)} strong ones came out, in their order."


def _bottles() -> list[_Bottle]:
    """Some wines of both colours, some at the limit, and an empty bottle in between."""
    found: list[_Bottle] = []
    for colour in ("red", "white"):
        wines = [wine for wine, _ in read_wines(data_folder() / f"wine_{colour}.csv")]
        limit = [wine for wine in wines if wine.alcohol == _STRONG][:2]
        above = [wine for wine in wines if wine.alcohol > _STRONG][:10]
        found += [(colour, wine) for wine in (*wines[:20], *limit, *above)]
        found.append((colour, None))
    return found


def _through(strong: type, bottles: list[_Bottle]) -> list[_Bottle]:
    """What comes out of a topology of source, this processor, and sink."""
    wines = serde(encode_wine, decode_wine)
    topology = Topology()
    topology.addSource("bottles", text().deserializer(), wines.deserializer(), "in")
    topology.addProcessor("strong", ProcessorSupplier(strong), "bottles")
    topology.addSink("sink", "out", text().serializer(), wines.serializer(), "strong")
    with TopologyTestDriver(topology) as driver:
        way_in = driver.createInputTopic("in", text(), wines)
        for key, wine in bottles:
            way_in.pipeInput(key, wine)
        return [(one.key(), one.value()) for one in driver.createOutputTopic("out", text(), wines).readRecordsToList()]


def _alcohol(wines: list[WineRecord | None]) -> str:
    first = wines[0] if wines else None
    return "no wine in it" if first is None else f"{first.alcohol:g} %"


EXERCISE = Exercise(
    id="kstreams-topology",
    lesson="07",
    title="Strong wines only",
    goal="""
Write a processor `Strong` that hands on wines with **more than 12 %** of alcohol, unchanged, and nothing else. Now and
then somebody sends an empty bottle: a record whose value is `None`. Hand on nothing for it, and do not fall over it.

The check puts your processor between a source and a sink, in the engine, and sends bottles through it.
""",
    stub="""
from modelserving.kstreams import Processor

class Strong(Processor):
    def process(self, record):
        wine = record.value()
        if ...:
            self.context.forward(...)
""",
    answer="Strong",
    hints=(
        "`wine.alcohol` is a number, in percent.",
        "An empty bottle first: `if wine is not None and ...`. The second part is looked at only if the first holds.",
        "What goes on is the record itself: `self.context.forward(record)`.",
    ),
    reference="""
from modelserving.kstreams import Processor

class Strong(Processor):
    def process(self, record):
        wine = record.value()
        if wine is not None and wine.alcohol > 12:
            self.context.forward(record)
""",
    wrong=(
        WrongAnswer(
            """
from modelserving.kstreams import Processor

class Strong(Processor):
    def process(self, record):
        if record.value().alcohol > 12:
            self.context.forward(record)
""",
            "'NoneType' object has no attribute 'alcohol'",
        ),
        WrongAnswer(
            """
from modelserving.kstreams import Processor

class Strong(Processor):
    def process(self, record):
        wine = record.value()
        if wine is not None and wine.alcohol >= 12:
            self.context.forward(record)
""",
            "came out that are not strong, the first with 12 %",
        ),
        WrongAnswer(
            """
from modelserving.kstreams import Processor

class Strong(Processor):
    def process(self, record):
        wine = record.value()
        if wine is not None and wine.alcohol > 12:
            return record
""",
            "Nothing came out",
        ),
        WrongAnswer(
            """
from modelserving.kstreams import Processor

class Strong(Processor):
    def process(self, record):
        wine = record.value()
        if wine is not None and wine.alcohol > 12:
            self.context.forward(wine)
""",
            "forward takes a Record, and this is a WineRecord",
        ),
    ),
    check=check,
)
