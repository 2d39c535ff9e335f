"""Lesson 07: a count in a store, which comes back on another machine."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelserving.errors import ServerError
from modelserving.kafka import make_producer
from modelserving.kstreams import (
    KafkaStreams,
    ProcessorSupplier,
    QueryableStoreTypes,
    Stores,
    Topology,
    TopologyTestDriver,
    integer,
    streams_config,
    text,
)
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_FIRST = (("red", 6), ("red", 3), ("white", 2), ("red", 1))
_LATER = (("red", 4), ("white", 1), ("rosé", 7))


def check(lesson: LessonEnvironment, counter: type) -> str:
    """Count without a broker; then with one, end the application, and go on elsewhere, where there are no files."""
    _try_alone(counter)
    topic = lesson.scratch_topic()
    application = f"{lesson.prefix}-count-{secrets.token_hex(3)}"

    def count(*deliveries: tuple[str, int]) -> dict[str, int]:
        with make_producer(lesson.connection) as producer:
            for colour, bottles in deliveries:
                producer.send(topic, key=colour.encode(), value=str(bottles).encode())
            producer.flush(timeout=10)
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            return _counted(lesson, _topology(counter, topic), application, Path(folder), deliveries[-1][0])

    count(*_FIRST, ("half", 1))
    found = count(*_LATER, ("all", 1))
    right = {"red": 14, "white": 3, "rosé": 7, "half": 1, "all": 1}
    require(
        found == right,
        f"After {len(_FIRST) + 1} deliveries the application ended, and went on elsewhere. There the store says "
        f"{_shown(found)}; {_shown(right)} was expected. What the processor itself remembers ends with it: "
        "look up in the store how many there were so far.",
    )
    return f"Counted, ended, and went on in an empty folder: {_shown(found)}, from the changelog on the broker."


def _try_alone(counter: type) -> None:
    """Without a broker, where most mistakes show already."""
    with TopologyTestDriver(_topology(counter, "in")) as driver:
        way_in = driver.createInputTopic("in", text(), text())
        for colour, bottles in _FIRST:
            way_in.pipeInput(colour, str(bottles))
        found = dict(driver.getStateStore("counts").all())
    require(found, f"{len(_FIRST)} deliveries came, and the store is still empty. `self.store.put(...)` writes.")
    require(
        found != {"red": 3, "white": 1},
        "You count deliveries: three of red came, with 6, 3 and 1 bottles. How many it has is the value of each.",
    )
    require(
        found == {"red": 10, "white": 2},
        f"10 red bottles and 2 white ones were delivered. The store says {_shown(found)}.",
    )


def _topology(counter: type, topic: str) -> Any:
    topology = Topology()
    topology.addSource("bottles", text().deserializer(), text().deserializer(), topic)
    topology.addProcessor("count", ProcessorSupplier(counter), "bottles")
    kind = Stores.persistentKeyValueStore("counts")
    topology.addStateStore(Stores.keyValueStoreBuilder(kind, text(), integer()), "count")
    return topology


def _counted(lesson: LessonEnvironment, topology: Any, application: str, folder: Path, last: str) -> dict[str, int]:
    """What is in the store when the last bottle has been counted."""
    config = streams_config(
        lesson.connection,
        application_id=application,
        state_dir=folder,
        processing_guarantee="exactly_once_v2",
    )
    with KafkaStreams(topology, config) as streams:
        counts: dict[str, int] = {}

        def arrived() -> bool:
            streams.raise_error()
            with suppress(ServerError):  # it is starting, or restoring the store
                counts.update(streams.store("counts", QueryableStoreTypes.keyValueStore()).all())
            return last in counts

        lesson.wait_for(arrived, "the bottles to be counted", 60)
        return counts


def _shown(counts: dict[str, int]) -> str:
    return ", ".join(f"{colour} {counts[colour]}" for colour in counts) or "nothing"


_COUNT = """
from modelserving.kstreams import Processor

class CountByColour(Processor):
    def init(self, context):
        super().init(context)
        self.store = context.getStateStore("counts")
"""

EXERCISE = Exercise(
    id="kstreams-count",
    lesson="07",
    title="A count that comes back",
    goal="""
Bottles come in deliveries: the key is the colour, the value how many there are, as a **text**, such as `"6"`. Write a
processor `CountByColour`, which keeps in the store `counts` how many bottles of each colour have come. Two lines are
missing.

The check runs it on the broker, ends it, sends more deliveries, and runs it again in an empty folder, as if on another
machine. The second one must know what the first one has counted.
""",
    stub=_COUNT
    + """
    def process(self, record):
        so_far = ...
        self.store.put(record.key(), ...)
""",
    answer="CountByColour",
    hints=(
        "`self.store.get(key)` is what is in the store, or `None` where there is nothing yet.",
        "`None or 0` is `0`, so `self.store.get(record.key()) or 0` is a number; and `int(record.value())` is one.",
    ),
    reference=_COUNT
    + """
    def process(self, record):
        so_far = self.store.get(record.key()) or 0
        self.store.put(record.key(), so_far + int(record.value()))
""",
    wrong=(
        WrongAnswer(
            """
from collections import Counter
from modelserving.kstreams import Processor

class CountByColour(Processor):
    def init(self, context):
        super().init(context)
        self.store = context.getStateStore("counts")
        self.counts = Counter()

    def process(self, record):
        self.counts[record.key()] += int(record.value())
        self.store.put(record.key(), self.counts[record.key()])
""",
            "What the processor itself remembers ends with it",
        ),
        WrongAnswer(
            _COUNT
            + """
    def process(self, record):
        so_far = self.store.get(record.key())
        self.store.put(record.key(), so_far + int(record.value()))
""",
            "unsupported operand type(s) for +: 'NoneType' and 'int'",
        ),
        WrongAnswer(
            _COUNT
            + """
    def process(self, record):
        so_far = self.store.get(record.key()) or 0
        self.store.put(record.key(), so_far + 1)
""",
            "You count deliveries",
        ),
        WrongAnswer(
            _COUNT
            + """
    def process(self, record):
        so_far = self.store.get("all") or 0
        self.store.put("all", so_far + int(record.value()))
""",
            "The store says all 12",
        ),
        WrongAnswer(
            _COUNT
            + """
    def process(self, record):
        so_far = (self.store.get(record.key()) or 0) + int(record.value())
""",
            "the store is still empty",
        ),
    ),
    check=check,
)
