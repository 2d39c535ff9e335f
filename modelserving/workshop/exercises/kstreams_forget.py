"""Lesson 08: a store of one's own that can forget."""

from __future__ import annotations

from typing import Any

from modelserving.kstreams import (
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    StoreBuilder,
    Topology,
    TopologyTestDriver,
    number,
    raw,
    text,
)
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, NotYet, WrongAnswer, require

_Change = tuple[bytes, bytes | None]

_NEWS: tuple[tuple[str, float | None], ...] = (
    ("Merlot", 7.5),
    ("Riesling", 9.0),
    ("Corked", 4.5),
    ("Merlot", 8.25),
    ("Corked", None),
    ("Never heard of", None),
)
_RIGHT = {"Merlot": 8.25, "Riesling": 9.0}


def check(lesson: LessonEnvironment, store: type) -> str:  # noqa: ARG001 - asks the engine, which needs no broker here
    """Have the engine run the store and keep its changelog; then give that to a new store, as the engine does."""
    entries = _logged(store)
    _compare(_restored(store, entries), entries)
    newest = list(dict(entries).items())
    _compare(_restored(store, newest), newest)
    return (
        f"{len(_NEWS)} changes were {len(entries)} entries of the changelog. From all of them, and from the "
        f"{len(newest)} that compaction leaves, a new store has the same {len(_RIGHT)} prices."
    )


class _Pricing(Processor):
    """A value sets the price of its key; none forgets it."""

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.store: Any = context.getStateStore("prices")

    def process(self, record: Record) -> None:
        if record.value() is None:
            self.store.forget(record.key())
        else:
            self.store.set(record.key(), record.value())


def _logged(store: type) -> list[_Change]:
    """The changelog, after all that is new has come."""
    topology = Topology()
    topology.addSource("news", text().deserializer(), number().deserializer(), "in")
    topology.addProcessor("price", ProcessorSupplier(_Pricing), "news")
    topology.addStateStore(StoreBuilder("prices", store), "price")
    with TopologyTestDriver(topology, application_id="try") as driver:
        way_in = driver.createInputTopic("in", text(), number())
        for name, price in _NEWS:
            way_in.pipeInput(name, price)
        found = driver.getStateStore("prices").prices
        require(found == _RIGHT, f"The store itself says {found}; {_RIGHT} was expected.")
        log = driver.createOutputTopic("try-prices-changelog", raw(), raw()).readRecordsToList()
    return [(entry.key(), entry.value()) for entry in log]


def _restored(store: type, entries: list[_Change]) -> dict[str, float]:
    """What a new store has, after these entries."""
    made = store("prices")
    made.open()
    for key, value in entries:
        _restore(made, key, value)
    found: dict[str, float] = made.prices
    return found


def _restore(store: Any, key: bytes, value: bytes | None) -> None:
    """Give one entry to a store.

    Raises:
        NotYet: it cannot forget what it never had.
    """
    try:
        store.restore(key, value)
    except KeyError as error:
        if value is not None:
            raise
        raise NotYet(
            f"A tombstone came for {error}, which the store did not have. Nothing is to happen then."
        ) from error


def _compare(found: dict[str, float], entries: list[_Change]) -> None:
    for name, price in _RIGHT.items():
        require(found.get(name) == price, f"{name} cost {price}; restored from the changelog it is {found.get(name)}.")
    corked = found.get("Corked")
    require(
        corked != 4.5,
        "Corked was forgotten, and came back from the changelog with its old price: the last entry of that key is "
        f"{dict(entries)[b'Corked']!r}. To forget is a change too. Log it.",
    )
    require(
        set(found) == set(_RIGHT),
        f"Corked was forgotten, but in a store that is restored it is there, with the price {corked}. An entry that "
        "says *gone* has no value at all: log `None`.",
    )


_PRICES = """
from modelserving.kstreams import StateStore

class Prices(StateStore):
    def open(self):
        self.prices = {}

    def set(self, name, price):
        self.prices[name] = price
        self.log(name.encode(), str(price).encode())
"""

EXERCISE = Exercise(
    id="kstreams-forget",
    lesson="08",
    title="A store that can forget",
    goal="""
Our cellar only ever grew. This store keeps prices, and a wine that is sold out is to be **forgotten**. In a changelog,
that is an entry whose value is `None`: a **tombstone**.

Write `forget` and `restore`. What comes to `restore` are the entries that were logged, and the topic is compacted: of
each key, perhaps only the newest entry is left. The check takes the changelog that the engine wrote, and gives it to a
new store.
""",
    stub=_PRICES
    + """
    def forget(self, name):
        self.prices.pop(name, None)
        self.log(...)

    def restore(self, key, value):
        ...
        self.prices[key.decode()] = ...
""",
    answer="Prices",
    hints=(
        "A tombstone has a key, as any entry has; only its value is `None`.",
        "In `restore`, ask `if value is None` first. Else the price is `float(value)`: it takes bytes as well as text.",
        "A tombstone may come for a name that the store never had: `pop(name, None)` does not mind.",
    ),
    reference=_PRICES
    + """
    def forget(self, name):
        self.prices.pop(name, None)
        self.log(name.encode(), None)

    def restore(self, key, value):
        if value is None:
            self.prices.pop(key.decode(), None)
        else:
            self.prices[key.decode()] = float(value)
""",
    wrong=(
        WrongAnswer(
            _PRICES
            + """
    def forget(self, name):
        self.prices.pop(name, None)

    def restore(self, key, value):
        self.prices[key.decode()] = float(value)
""",
            "came back from the changelog with its old price",
        ),
        WrongAnswer(
            _PRICES
            + """
    def forget(self, name):
        self.prices.pop(name, None)
        self.log(name.encode(), b"0")

    def restore(self, key, value):
        self.prices[key.decode()] = float(value)
""",
            "with the price 0.0",
        ),
        WrongAnswer(
            _PRICES
            + """
    def forget(self, name):
        self.prices.pop(name, None)
        self.log(name.encode(), None)

    def restore(self, key, value):
        self.prices[key.decode()] = float(value)
""",
            "not 'NoneType'",
        ),
        WrongAnswer(
            _PRICES
            + """
    def forget(self, name):
        self.prices.pop(name, None)
        self.log(name.encode(), None)

    def restore(self, key, value):
        if value is None:
            del self.prices[key.decode()]
        else:
            self.prices[key.decode()] = float(value)
""",
            "A tombstone came for 'Never heard of'",
        ),
    ),
    check=check,
)
