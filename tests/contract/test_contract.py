"""What every model server must do, whatever it is built on; the servers are processes, and the broker is real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelserving.kafka import Connection, EmbeddedKafka
from modelserving.records import ModelDescriptor, ModelType, Topics, encode_descriptor, encode_wine
from modelserving.workshop.ground import wait_until
from modelserving.workshop.process import ServerProcess
from tests.contract.servers import SERVERS, Pipeline, classifier, constant_model, published, wine

pytestmark = [pytest.mark.broker, pytest.mark.slow]

GOOD = constant_model(5.0, "five")
BETTER = constant_model(7.0, "seven", version="2")


@pytest.fixture(params=SERVERS)
def pipeline(request: pytest.FixtureRequest, kafka: EmbeddedKafka, connection: Connection, topics: Topics) -> Pipeline:
    """One kind of server, its topics, and the broker."""
    environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(kafka.home)}
    return Pipeline(request.param, connection, topics, environ)


@pytest.fixture
def server(pipeline: Pipeline) -> Iterator[ServerProcess]:
    """A running server that has a model which answers 5."""
    pipeline.send_model(*published(GOOD))
    with pipeline.serve() as running:
        yield running


def test_a_record_is_scored_by_the_model_that_was_there_before_it(pipeline: Pipeline, server: ServerProcess) -> None:
    """The models topic is read to its end before scoring starts; each answer says where it came from."""
    pipeline.send_wines(3)
    wait_until(pipeline.settled(server, 3), "three answers")
    answers = pipeline.scored()
    assert [(a.prediction, a.offset, a.model_name, a.model_version) for a in answers] == [
        (5.0, offset, "five", "1") for offset in range(3)
    ]
    assert all(a.model_digest == GOOD.digest and a.scoring_ns > 0 and a.published_ms > 0 for a in answers)
    assert server.get("/state")["usage"] == 3


def test_a_swap_happens_between_two_records_and_loses_none(pipeline: Pipeline, server: ServerProcess) -> None:
    """Every record is answered exactly once, first by the old model, then by the new one, never in between."""
    pipeline.send_wines(400)
    pipeline.send_model(*published(BETTER))
    wait_until(lambda: server.get("/state")["name"] == "seven", "the new model")
    pipeline.send_wines(400)
    wait_until(pipeline.settled(server, 800), "all answers")
    answers = pipeline.scored()
    assert [answer.offset for answer in answers] == list(range(800))
    names = [answer.model_name for answer in answers]
    assert names == sorted(names, key=["five", "seven"].index)
    assert set(names[400:]) == {"seven"}


def test_records_without_a_model_are_counted_and_skipped(pipeline: Pipeline) -> None:
    """No model yet: the server says so in the original's words, skips, and serves as soon as a model comes."""
    with pipeline.serve() as server:
        before = server.get("/state")
        assert {name: before[name] for name in ("name", "description", "since", "usage", "duration", "min", "max")} == {
            "name": "None",
            "description": "None",
            "since": 0,
            "usage": 0,
            "duration": 0.0,
            "min": 0,
            "max": 0,
        }
        pipeline.send_wines(2)
        wait_until(pipeline.settled(server, 2), "two skipped records")
        assert server.get("/state")["skipped"] == 2
        pipeline.send_model(*published(GOOD))
        wait_until(lambda: server.get("/state")["name"] == "five", "the model")
        pipeline.send_wines(1)
        wait_until(pipeline.settled(server, 3), "an answer")
    assert [answer.offset for answer in pipeline.scored()] == [2]


def test_poison_goes_to_the_dead_letters_and_the_rest_is_scored(pipeline: Pipeline, server: ServerProcess) -> None:
    """Garbage, an empty message, no message, a NaN, and data types that are empty, hostile or unknown stop nothing."""
    poison = [
        b"\xff\xfe\xfd",
        b"",
        None,
        encode_wine(wine(alcohol=float("nan"))),
        encode_wine(wine(data_type="")),
        encode_wine(wine(data_type="../../etc/passwd")),
    ]
    unknown = encode_wine(wine(data_type="beer"))
    good = encode_wine(wine())
    pipeline.send_records(*[value for bad in poison for value in (bad, good)], unknown, good)
    wait_until(pipeline.settled(server, 14), "everything")
    assert [answer.offset for answer in pipeline.scored()] == [1, 3, 5, 7, 9, 11, 13]
    letters = {letter.offset: letter for letter in pipeline.dead()}
    assert sorted(letters) == [0, 2, 4, 6, 8, 10]
    assert all(letter.topic == pipeline.topics.records and letter.reason for letter in letters.values())
    assert [letters[offset].value or None for offset in sorted(letters)] == [value or None for value in poison]
    state = server.get("/state")
    assert (state["scored"], state["dead_lettered"], state["skipped"]) == (7, 6, 1)


BAD_MODELS = {
    "garbage": b"\xff\xfe\xfd",
    "empty": b"",
    "not PMML": encode_descriptor(ModelDescriptor("broken", "", "wine", ModelType.PMML, b"<html/>")),
    "no graph": encode_descriptor(ModelDescriptor("broken", "", "wine", ModelType.TENSORFLOW, b"\x00\x01")),
    "a word": encode_descriptor(ModelDescriptor("word", "", "wine", ModelType.PMML, classifier("good", "good", 0))),
    "a NaN": encode_descriptor(constant_model(float("nan"), "nan")),
    "by reference": encode_descriptor(ModelDescriptor("far", "", "wine", ModelType.PMML, location="file:///nowhere")),
    "hostile type": encode_descriptor(ModelDescriptor("x", "", "../x", ModelType.PMML, GOOD.data)),
    "wrong digest": encode_descriptor(ModelDescriptor("x", "", "wine", ModelType.PMML, GOOD.data, sha256="00")),
}


def test_a_bad_model_never_serves_and_the_current_one_stays(pipeline: Pipeline, server: ServerProcess) -> None:
    """Each bad model becomes a dead letter with a reason; records go on being scored; a later good model is taken."""
    pipeline.send_model(*BAD_MODELS.values())
    wait_until(lambda: server.get("/state")["models_refused"] == len(BAD_MODELS), "all refusals")
    pipeline.send_wines(1)
    wait_until(pipeline.settled(server, 1), "an answer")
    pipeline.send_model(*published(BETTER))
    wait_until(lambda: server.get("/state")["name"] == "seven", "the good model")
    pipeline.send_wines(1)
    wait_until(pipeline.settled(server, 2), "an answer")
    assert [answer.model_name for answer in pipeline.scored()] == ["five", "seven"]
    letters = pipeline.dead()
    assert len(letters) == len(BAD_MODELS)
    assert all(letter.stage == "model" and letter.error and letter.reason for letter in letters)


def test_a_model_that_answers_a_word_for_some_records_costs_only_those(pipeline: Pipeline) -> None:
    """The original stopped scoring for ever at the first word; here that record is dead, and the next is answered."""
    sometimes = ModelDescriptor("sometimes", "", "wine", ModelType.PMML, classifier("5", "splendid", 14.0))
    pipeline.send_model(*published(sometimes))
    with pipeline.serve() as server:
        pipeline.send_records(*[encode_wine(wine(alcohol=alcohol)) for alcohol in (9.0, 15.0, 10.0)])
        wait_until(pipeline.settled(server, 3), "everything")
    assert [(a.offset, a.prediction) for a in pipeline.scored()] == [(0, 5.0), (2, 5.0)]
    (letter,) = pipeline.dead()
    assert letter.offset == 1
    assert "splendid" in letter.reason


def test_two_data_types_have_two_models(pipeline: Pipeline, server: ServerProcess) -> None:
    """Records go to the model of their data type, and each has a state of its own."""
    pipeline.send_model(*published(constant_model(8.0, "eight", "white")), key=b"white")
    wait_until(lambda: server.get("/models") == {"models": ["white", "wine"]}, "both models")
    pipeline.send_records(encode_wine(wine()), encode_wine(wine("white")), encode_wine(wine()))
    wait_until(pipeline.settled(server, 3), "everything")
    assert [answer.prediction for answer in pipeline.scored()] == [5.0, 8.0, 5.0]
    assert server.get("/state/wine")["usage"] == 2
    assert server.get("/state/white")["name"] == "eight"


def test_a_restart_goes_on_where_the_last_server_stopped(pipeline: Pipeline, server: ServerProcess) -> None:
    """The new server has the model at once, with name and description in their places, and scores nothing twice."""
    pipeline.send_wines(5)
    wait_until(pipeline.settled(server, 5), "five answers")
    before = server.get("/state")
    server.stop()
    assert server.returncode == 0, server.log()
    pipeline.send_wines(5)
    with pipeline.serve() as again:
        wait_until(pipeline.settled(again, 5), "five more")
        after = again.get("/state")
    assert {name: after[name] for name in ("name", "description", "version")} == {
        name: before[name] for name in ("name", "description", "version")
    }
    assert [answer.offset for answer in pipeline.scored()] == list(range(10))


def test_a_restart_uses_the_newest_good_model_when_the_newest_is_bad(pipeline: Pipeline) -> None:
    """A server that starts is not worse off than one that was running all the time."""
    pipeline.send_model(*published(GOOD), BAD_MODELS["a word"])
    with pipeline.serve() as server:
        assert server.get("/state")["name"] == "five"


def test_times_are_measured_in_more_than_whole_milliseconds(pipeline: Pipeline, server: ServerProcess) -> None:
    """Minimum and maximum are those of the scores, not 0."""
    pipeline.send_wines(50)
    wait_until(pipeline.settled(server, 50), "fifty answers")
    state = {
        name: float(str(value))
        for name, value in server.get("/state/wine").items()
        if name in {"min", "max", "duration"}
    }
    assert 0 < state["min"] <= state["max"] <= state["duration"]


def test_a_taken_port_is_stepped_aside_from(pipeline: Pipeline, server: ServerProcess) -> None:
    """A second server asks for the port of the first, gets another, and says which."""
    taken = server.url.rsplit(":", 1)[1]
    second = ServerProcess.start(
        pipeline.kind,
        pipeline.prefix,
        ("--port", taken, "--instance", "second", "--no-preload"),
        dict(pipeline.environ),
    )
    with second:
        assert second.url != server.url
        assert second.get("/healthz")["status"] == "ok"
        assert any(second.url in line for line in second.log())
