"""What a topology reads and writes, and whether it is there."""

from __future__ import annotations

from typing import Any

import pytest

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, admin
from modelserving.kstreams.pictures import topics
from modelserving.kstreams.pictures.topics import ForeignTopics

DESCRIBED = """Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000000 (topics: [wines, hires])
      --> KSTREAM-FILTER-0000000005
    Processor: KSTREAM-FILTER-0000000005 (stores: [counts])
      --> KSTREAM-SINK-0000000004, KSTREAM-SINK-0000000009
    Sink: KSTREAM-SINK-0000000004 (topic: KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition)
      <-- KSTREAM-FILTER-0000000005
    Sink: KSTREAM-SINK-0000000009 (topic: counted)
    Sink: KTABLE-SINK-0000000006 (topic: KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000004-topic)
    Sink: KSTREAM-SINK-0000000010 (extractor class: com.example.Choose)
  Sub-topology: 1
    Source: KSTREAM-SOURCE-0000000006 (topics: [KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition])
    Source: KTABLE-SOURCE-0000000007 (topics: [mine-subscription-response-0000000014-topic])
    Source: KSTREAM-SOURCE-0000000008 (topics: all-.*)
"""


class Topology:
    """Says what an engine would."""

    def describe(self) -> str:
        return DESCRIBED


class Admin:
    """A cluster that has one topic, and makes others by itself or not."""

    def __init__(self, makes: str) -> None:
        self.makes = makes

    def list_topics(self) -> list[str]:
        return ["wines"]

    def describe_cluster(self) -> dict[str, Any]:
        return {"brokers": [{"broker_id": 7}]}

    def describe_configs(self, asked: list[Any], config_filter: str) -> dict[str, Any]:
        assert [resource.name for resource in asked] == ["7"]
        return {"broker": {"7": {"auto.create.topics.enable": {"value": self.makes}}}}

    def close(self) -> None:
        """Nothing is open."""


def test_topics_that_the_engine_makes_are_not_asked_for() -> None:
    """Nor patterns, nor sinks that decide by the record: they name no topic."""
    assert ForeignTopics.of(Topology()) == ForeignTopics(("hires", "wines"), ("counted",))


@pytest.mark.parametrize(
    ("makes", "expected"),
    [("false", "There is no topic counted and no topic more, which it writes to: make it first."), ("true", "")],
)
def test_what_it_cannot_write_to_is_named_unless_the_broker_makes_it(
    monkeypatch: pytest.MonkeyPatch, makes: str, expected: str
) -> None:
    """A broker that makes what somebody writes to has no missing topic."""
    monkeypatch.setattr(admin, "make_admin", lambda _: Admin(makes))
    assert ForeignTopics((), ("counted", "more", "wines")).warning(Connection("here:1")) == expected


def test_a_broker_that_does_not_say_is_no_reason_to_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who may not describe the cluster can run an application."""

    def fail(*_: object) -> None:
        raise BrokerUnavailable("not allowed")

    monkeypatch.setattr(topics, "missing_topics", fail)
    assert not ForeignTopics((), ("counted",)).warning(Connection("here:1"))
