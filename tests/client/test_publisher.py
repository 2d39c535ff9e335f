"""The client at a real broker."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from modelserving.client import Publisher, Rate
from modelserving.kafka import MAX_MESSAGE_BYTES, Connection, read_topic
from modelserving.records import Topics, decode_descriptor, decode_wine, encode_wine
from tests.client.topics import dataset, values

pytestmark = pytest.mark.broker

FAST = Rate(record_interval_ms=0, model_interval_ms=3_600_000)


def test_it_sends_as_many_records_as_asked_over_and_over(connection: Connection, topics: Topics) -> None:
    """Exactly so many, in the dataset's order, from the beginning again when it comes to its end; all counted."""
    given = dataset(records=3)
    publisher = Publisher(connection, given, replace(FAST, max_records=25), topics)
    publisher.run(threading.Event())
    assert values(connection, topics.records) == [encode_wine(given.records[n % 3]) for n in range(25)]
    assert (publisher.sent, publisher.failed, publisher.models_sent) == (25, 0, 1)


def test_the_first_model_comes_before_the_first_record(connection: Connection, topics: Topics) -> None:
    """So that a server which starts with the client skips as little as possible."""
    Publisher(connection, dataset(), replace(FAST, max_records=5), topics).run(threading.Event())
    (model,) = read_topic(connection, topics.models)
    first, *_ = read_topic(connection, topics.records)
    assert model.timestamp <= first.timestamp
    assert model.key == b"wine"


def test_models_come_in_turn_and_again(connection: Connection, topics: Topics) -> None:
    """When all have been published, the first one follows; each has its data type as key."""
    given = dataset(models=("a", "b"))
    rate = replace(FAST, model_interval_ms=0.001, max_records=5)
    publisher = Publisher(connection, given, rate, topics)
    publisher.run(threading.Event())
    sent = list(read_topic(connection, topics.models))
    assert publisher.models_sent == len(sent) == 5
    assert [decode_descriptor(message.value).name for message in sent] == ["a", "b", "a", "b", "a"]
    assert {message.key for message in sent} == {b"wine"}


def test_each_model_and_every_tenth_record_is_reported(connection: Connection, topics: Topics) -> None:
    """Enough to see that it works, not so much that nothing else is seen."""
    lines: list[str] = []
    Publisher(connection, dataset(), replace(FAST, max_records=25), topics, lines.append).run(threading.Event())
    assert lines == [
        "model 1 published: a (pmml, about a)",
        "10 records published",
        "20 records published",
    ]


def test_faults_are_the_same_for_the_same_seed(connection: Connection, topics: Topics) -> None:
    """A share of the records is broken; which, and how, is decided by the seed alone."""
    runs: list[list[bytes]] = []
    for seed in (7, 7, 8):
        before = len(values(connection, topics.records))
        rate = replace(FAST, max_records=200, faults=0.3, seed=seed)
        publisher = Publisher(connection, dataset(), rate, topics)
        publisher.run(threading.Event())
        assert (publisher.sent, publisher.failed) == (200, 0)
        runs.append(values(connection, topics.records)[before:])
    assert runs[0] == runs[1] != runs[2]
    good = {encode_wine(record) for record in dataset().records}
    broken = sum(value not in good for value in runs[0])
    assert 30 <= broken <= 90


@pytest.mark.parametrize("faults", [0.0, 1.0])
def test_faults_can_be_switched_off_and_be_all(connection: Connection, topics: Topics, faults: float) -> None:
    """The original's five in a hundred could not."""
    given = dataset()
    Publisher(connection, given, replace(FAST, max_records=50, faults=faults), topics).run(threading.Event())
    good = [value in {encode_wine(record) for record in given.records} for value in values(connection, topics.records)]
    assert good == [not faults] * 50


def test_a_stop_ends_a_client_that_would_go_on_for_ever(connection: Connection, topics: Topics) -> None:
    """What was published before the stop is with the broker when it returns."""
    stop = threading.Event()

    def stop_at_twenty(line: str) -> None:
        if line.startswith("20 "):
            stop.set()

    publisher = Publisher(connection, dataset(), FAST, topics, stop_at_twenty)
    publisher.run(stop)
    assert publisher.sent == len(values(connection, topics.records)) >= 20


def test_a_stop_before_the_start_publishes_nothing(connection: Connection, topics: Topics) -> None:
    """Neither records nor models."""
    stop = threading.Event()
    stop.set()
    Publisher(connection, dataset(), FAST, topics).run(stop)
    assert values(connection, topics.records) == values(connection, topics.models) == []


def test_a_supply_without_models_publishes_records(connection: Connection, topics: Topics) -> None:
    """Records alone are a dataset."""
    Publisher(connection, dataset(models=()), replace(FAST, max_records=3), topics).run(threading.Event())
    assert [decode_wine(value).data_type for value in values(connection, topics.records)] == ["wine"] * 3


def test_a_model_that_is_not_taken_is_reported_and_the_records_go_on(
    connection: Connection, topics: Topics, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failures of background publishing vanished in the original. Here the broker takes less than the client thinks."""
    monkeypatch.setattr("modelserving.client.publisher.MAX_MESSAGE_BYTES", 10 * MAX_MESSAGE_BYTES)
    given = dataset()
    huge = replace(given.models[0], name="huge", parameters={"notes": "x" * 2 * MAX_MESSAGE_BYTES})
    publisher = Publisher(connection, replace(given, models=(huge,)), replace(FAST, max_records=2), topics)
    publisher.run(threading.Event())
    assert "model huge was not published" in caplog.text
    assert (publisher.sent, publisher.failed) == (2, 0)


@pytest.mark.parametrize(("keyed", "key"), [(False, None), (True, b"wine")])
def test_records_have_their_data_type_as_key_if_asked(
    connection: Connection, topics: Topics, keyed: bool, key: bytes | None
) -> None:
    """So co-partitioned servers find records and models of one type in one partition; broken records keep the key."""
    rate = replace(FAST, max_records=10, faults=0.5, keyed=keyed)
    Publisher(connection, dataset(), rate, topics).run(threading.Event())
    assert {message.key for message in read_topic(connection, topics.records)} == {key}
