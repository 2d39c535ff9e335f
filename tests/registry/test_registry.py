"""Both registries, by one set of rules; and the one that remembers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from modelserving.errors import ConfigError, RegistryUnavailable, SchemaError, UnknownSchema
from modelserving.kafka import Connection
from modelserving.records import Column, ColumnType
from modelserving.registry import (
    CachedRegistry,
    ConfluentRegistry,
    Rule,
    SchemaRegistry,
    TopicRegistry,
    define_answers,
    reading_codec,
)
from modelserving.registry.topic import SchemaHistory
from tests.registry.fake import FakeRegistry
from tests.registry.samples import AGE, INCOME, TOWN, person

STRICT = Column("income", ColumnType.DOUBLE, nullable=False)


@pytest.fixture(params=["confluent", pytest.param("topic", marks=pytest.mark.broker)])
def registry(request: pytest.FixtureRequest) -> Iterator[SchemaRegistry]:
    """Each kind of registry, empty."""
    if request.param == "confluent":
        with ConfluentRegistry("http://registry/ccompat", FakeRegistry().transport) as confluent:
            yield confluent
        return
    connection: Connection = request.getfixturevalue("connection")
    with closing(TopicRegistry(connection, f"schemas-{request.node.name.split('[')[0]}")) as topic:
        yield topic


def test_versions_numbers_and_rules(registry: SchemaRegistry) -> None:
    """A schema gets a number and a version once; what breaks the subject's rule is refused; the rule can be changed."""
    first = registry.register("people", person(AGE, TOWN))
    again = registry.register("people", person(AGE, TOWN))
    second = registry.register("people", person(AGE, TOWN, INCOME))
    assert (first.version, second.version, again) == (1, 2, first)
    assert first.schema_id != second.schema_id
    with pytest.raises(SchemaError, match="'income' may be missing where it is written"):
        registry.register("people", person(AGE, TOWN, STRICT))
    registry.set_rule("people", Rule.NONE)
    assert registry.rule("people") is Rule.NONE
    third = registry.register("people", person(AGE, TOWN, STRICT))
    other = registry.register("towns/of it", person(TOWN, encoding="protobuf"))
    assert registry.subjects() == ("people", "towns/of it")
    assert registry.versions("people") == (first, second, third)
    assert registry.versions("nobody") == ()
    assert registry.find(other.schema_id).is_like(person(TOWN, encoding="protobuf"))
    with pytest.raises(UnknownSchema, match="knows no schema 4711"):
        registry.find(4711)


def test_the_schema_of_answers_is_kept_although_it_is_not_flat(registry: SchemaRegistry) -> None:
    """Under one number, however often it is registered; who would read records with it is told why that is not done."""
    kept = registry.register("scored-value", define_answers())
    assert registry.register("scored-value", define_answers()) == kept
    found = registry.find(kept.schema_id)
    assert "repeated NamedOutput outputs = 12;" in found.text
    assert registry.versions("scored-value") == (kept,)
    for read in (found.codec, lambda: found.schema, lambda: reading_codec(found, person(AGE, TOWN))):
        with pytest.raises(SchemaError, match="'repeated NamedOutput outputs = 12' is no flat field"):
            read()


@pytest.mark.broker
def test_two_who_use_one_topic_see_the_same(connection: Connection) -> None:
    """What one registers, the other one finds by its number, also if it was there before."""
    one, other = TopicRegistry(connection, "schemas-shared"), TopicRegistry(connection, "schemas-shared")
    with pytest.raises(UnknownSchema):
        other.find(1)
    registered = one.register("people", person(AGE))
    assert other.find(registered.schema_id) == registered.definition
    assert other.register("people", person(AGE)) == registered
    assert TopicRegistry(connection, "schemas-shared").versions("people") == (registered,)


def message(*columns: Column) -> bytes:
    definition = person(*columns)
    return json.dumps({"subject": "people", "encoding": "avro", "definition": definition.text}).encode()


def test_the_order_of_the_topic_decides_between_two_at_once() -> None:
    """Two register against version 1, each unaware of the other: the second of them is refused by every reader."""
    history, strangers = SchemaHistory(), (b"?", b"[" * 100_000)
    for offset, value in enumerate(
        (
            message(AGE, TOWN),
            message(AGE, TOWN, INCOME),
            message(AGE, TOWN, STRICT),
            message(AGE, TOWN, INCOME),
            *strangers,
        )
    ):
        history.add(offset, value)
    assert [(one.schema_id, one.version) for one in history.versions["people"]] == [(1, 1), (2, 2)]
    with pytest.raises(SchemaError, match="version 2"):
        history.outcome(2)
    assert history.outcome(3) == history.outcome(1)  # who said the same has the same number
    assert history.next == 6


def test_a_schema_is_asked_for_once() -> None:
    """Also one that is unknown, for ten seconds; then it may be there."""
    fake, now = FakeRegistry(), [100.0]
    with ConfluentRegistry("http://registry/ccompat/", fake.transport) as registry:
        cached = CachedRegistry(registry, lambda: now[0])
        for _ in range(3):
            with pytest.raises(UnknownSchema, match="knows no schema 1"):
                cached.find(1)
        assert fake.asked == ["GET schemas/ids/1"]
        registered = registry.register("people", person(AGE))
        now[0] += 11
        fake.asked.clear()
        assert [cached.find(1) for _ in range(3)] == [registered.definition] * 3
        assert fake.asked == ["GET schemas/ids/1"]


def test_a_registry_that_does_not_answer_is_no_unknown_schema() -> None:
    """The records of a moment without it are no dead letters; and its password is not shown."""
    fake = FakeRegistry()
    fake.down = True
    with (
        ConfluentRegistry("http://me:secret@registry:8081", fake.transport) as registry,
        pytest.raises(RegistryUnavailable, match="registry at http://registry:8081 answers 503") as said,
    ):
        registry.find(1)
    assert "secret" not in str(said.value)
    with (
        ConfluentRegistry("http://127.0.0.1:9", httpx.MockTransport(refuse)) as registry,
        pytest.raises(RegistryUnavailable, match=r"no schema registry answers at http://127\.0\.0\.1:9"),
    ):
        registry.subjects()


def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize("url", ["registry:8081", "ftp://registry", "http://"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    """With what was expected."""
    with pytest.raises(ConfigError, match="no URL of a schema registry"):
        ConfluentRegistry(url)
