"""What a terminal says, and that it says it once."""

from __future__ import annotations

from dataclasses import replace

from modelserving.serving import BatchOutcome, Counts, Phase
from modelserving.web.console import ConsoleReporter
from tests.fakes import FakeServer, served_by, update


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_change_is_a_line_and_what_stays_is_none() -> None:
    """Ready, a model, the broker's loss and return; looking again says nothing."""
    server, lines, clock = FakeServer(phase=Phase.STARTING), list[str](), Clock()
    reporter = ConsoleReporter(server, lines.append, clock)

    def look() -> list[str]:
        clock.now += 2
        lines.clear()
        reporter.look()
        return list(lines)

    assert look() == []
    server.phase = Phase.SERVING
    assert look() == ["Ready."]
    server.slots.apply(update(served_by(name="five")))
    assert look() == ["wine is scored by five 1 (pmml) now."]
    assert look() == []
    server.phase = Phase.WAITING
    assert look() == ["Not serving now, waiting for the broker: all is well."]
    server.phase = Phase.SERVING
    assert look() == ["Serving again."]


def test_dead_letters_and_counts_come_now_and_then() -> None:
    """A thousand dead letters are two lines, not a thousand; the counts come each minute, if they changed."""
    server, lines, clock = FakeServer(), list[str](), Clock()
    reporter = ConsoleReporter(server, lines.append, clock)
    reporter.look()
    for number in range(1, 25):
        server.counts = replace(server.counts, dead_lettered=number)
        clock.now += 0.5
        reporter.look()
    assert [line for line in lines if "dead" in line] == [
        "1 new dead letter; `modelserving reader` shows them.",
        "20 new dead letters; `modelserving reader` shows them.",
    ]
    server.counts = Counts(7, 1, 24)
    clock.now += 60
    reporter.look()
    assert lines[-1] == "7 scored, 1 skipped, 24 dead letters so far."


def test_a_name_gives_no_orders_to_the_terminal() -> None:
    """It comes with a message; what cannot be printed is spelled."""
    server, lines = FakeServer(), list[str]()
    server.slots.apply(update(served_by(name="x\x1b[2J模\n")))
    ConsoleReporter(server, lines.append).look()
    assert lines[-1] == "wine is scored by x\\x1b[2J模\\n 1 (pmml) now."


def test_skipped_records_say_which_model_is_missing() -> None:
    """Of data types that have one by now, nothing is said; and not at each look."""
    server, lines, clock = FakeServer(), list[str](), Clock()
    reporter = ConsoleReporter(server, lines.append, clock)

    def skip(count: int, *data_types: str) -> list[str]:
        server.meter.add(BatchOutcome(Counts(skipped=count), unserved=frozenset(data_types)))
        server.counts = server.meter.counts
        clock.now += 6
        lines.clear()
        reporter.look()
        return [line for line in lines if "skipped" in line]

    assert skip(1, "rec") == ["1 record skipped: no model is there for data type rec."]
    server.slots.apply(update(served_by(name="five")))
    assert skip(2, "rec") == []
    assert skip(3, "wine") == ["5 records skipped: no model is there for data type rec; there are models for wine."]
