"""What every model server must do, whatever it is built on; the servers are processes, and the broker is real."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from modelserving.kafka import read_topic
from modelserving.records import Action, Golden, ModelDescriptor, ModelType, encode_descriptor, encode_wine
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.hosts import SlowHost
from tests.contract.servers import (
    GOOD,
    Foreign,
    Pipeline,
    by_reference,
    classifier,
    constant_model,
    published,
    regression,
    whatever_the_store,
    wherever_models_go,
    whichever_client_reads,
    whichever_way_models_come,
    whoever_scores,
    wine,
)
from tests.models.onnx_samples import hungry_onnx
from tests.waiting import let_commits_arrive, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

BETTER = constant_model(7.0, "seven", version="2")
SIX = constant_model(6.0, "six")
SLOW = constant_model(4.0, "slow")
SOMETIMES = ModelDescriptor("sometimes", "", "wine", ModelType.PMML, classifier("5", "splendid", 14.0))


@pytest.fixture
def slow_host() -> Iterator[SlowHost]:
    """A host that answers when it is told to."""
    with SlowHost() as host:
        yield host


@whichever_way_models_come
def test_each_record_is_scored_by_the_model_that_was_there_before_it(pipeline: Pipeline, server: ServerProcess) -> None:
    """Models are read before records; each answer says where it came from; a swap happens between two records."""
    pipeline.send_wines(3)
    wait_until(pipeline.settled(server, 3), "three answers")
    answers = pipeline.scored()
    assert [(a.prediction, a.offset, a.model_name, a.model_version) for a in answers] == [
        (5.0, offset, "five", "1") for offset in range(3)
    ]
    assert all(a.model_digest == GOOD.digest and a.scoring_ns > 0 and a.published_ms > 0 for a in answers)
    state = server.get("/state/wine")
    assert state["usage"] == 3
    low, high, total = (float(str(state[name])) for name in ("min", "max", "duration"))
    assert 0 < low <= high <= total  # milliseconds, and not whole ones
    pipeline.send_wines(400)
    pipeline.send_model(*published(BETTER))
    wait_until(lambda: server.get("/state")["name"] == "seven", "the new model")
    pipeline.send_wines(400)
    wait_until(pipeline.settled(server, 803), "all answers")
    answers = pipeline.scored()
    assert [answer.offset for answer in answers] == list(range(803))
    names = [answer.model_name for answer in answers]
    assert names == sorted(names, key=["five", "seven"].index)
    assert set(names[403:]) == {"seven"}


@whichever_client_reads
def test_records_without_a_model_are_counted_and_skipped(pipeline: Pipeline) -> None:
    """No model yet: the server says so in the original's words, skips, and serves as soon as a model comes.

    Balancers and probes ask by HEAD, and are answered as by GET, without a body.
    """
    with pipeline.serve() as server:
        assert httpx.head(f"{server.url}/nowhere", timeout=60).status_code == 404
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
        answer = httpx.head(f"{server.url}/healthz", timeout=60)
        assert (answer.status_code, answer.content) == (200, b"")
    assert [answer.offset for answer in pipeline.scored()] == [2]


@whoever_scores
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
    # The original stopped for ever at the first answer that was a word; here a label is an answer like any other.
    pipeline.send_model(*published(SOMETIMES))
    pipeline.wait_for_slots(server, "sometimes", "five", "-")
    pipeline.send_records(*[encode_wine(wine(alcohol=alcohol)) for alcohol in (9.0, 15.0, 10.0)])
    wait_until(pipeline.settled(server, 17), "three more")
    answers = [(answer.offset, answer.answer) for answer in pipeline.scored()]
    assert answers[-3:] == [(14, 5.0), (15, "splendid"), (16, 5.0)]
    # Its headers are kept as they came, also those without a value, and those that another dead letter has.
    odd = (("trace", b"\x00\xff"), ("x-error-class", b"theirs"), ("empty", None), ("trace", b"again"))
    pipeline.send_foreign(pipeline.topics.records, Foreign(b"\xff", b"wine", odd))
    wait_until(pipeline.settled(server, 18), "the one with headers")
    (last,) = wait_until(lambda: [letter for letter in pipeline.dead() if letter.offset == 17], "its letter")
    assert (last.value, last.headers, last.error) == (b"\xff", odd, "DecodeError")
    # Whoever follows a record finds its trace at the answer, though this server has no part in it.
    traced = (("traceparent", PARENT), ("other", b"stays"))
    pipeline.send_foreign(pipeline.topics.records, Foreign(encode_wine(wine()), b"wine", traced))
    wait_until(pipeline.settled(server, 19), "the one with a trace")
    let_commits_arrive(pipeline.connection, pipeline.topics.scored)
    answer = list(read_topic(pipeline.connection, pipeline.topics.scored))[-1]
    assert ("traceparent", PARENT) in answer.headers


PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NAN = regression(0, alcohol=1e308, pH=-1e308)  # infinity less infinity
BAD_MODELS = {
    "garbage": b"\xff\xfe\xfd",
    "empty": b"",
    "not PMML": encode_descriptor(ModelDescriptor("broken", "", "wine", ModelType.PMML, b"<html/>")),
    "no graph": encode_descriptor(ModelDescriptor("broken", "", "wine", ModelType.ONNX, b"\x00\x01")),
    "a NaN": encode_descriptor(ModelDescriptor("nan", "", "wine", ModelType.PMML, NAN)),
    "by reference": encode_descriptor(ModelDescriptor("far", "", "wine", ModelType.PMML, location="file:///nowhere")),
    "hostile type": encode_descriptor(ModelDescriptor("x", "", "../x", ModelType.PMML, GOOD.data)),
    "wrong digest": encode_descriptor(ModelDescriptor("x", "", "wine", ModelType.PMML, GOOD.data, sha256="00")),
    "wrong answer": encode_descriptor(replace(GOOD, golden=(Golden(wine(), 5.1),))),
}


@wherever_models_go
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
    assert any("gives no answer" in letter.reason and "nan" in letter.reason.lower() for letter in letters)


KEPT = {"streams-memory": 0, "streams-standard": 4, "streams-custom": 4}
"""How many answers of before a restart a store still counts: all with a changelog, none in memory alone."""


def test_a_restart_goes_on_where_the_last_server_stopped(pipeline: Pipeline, server: ServerProcess) -> None:
    """It has the newest good model of each data type at once, and scores nothing twice; its store counts on, if it can.

    Records go to the model of their data type, and each has a state of its own.
    """
    pipeline.send_model(*published(constant_model(8.0, "eight", "white")), key=b"white")
    wait_until(lambda: server.get("/models") == {"models": ["white", "wine"]}, "both models")
    pipeline.send_model(BAD_MODELS["a NaN"])
    for data_type in ("wine", "wine", "white", "wine", "wine"):
        pipeline.send_wines(1, data_type)
    wait_until(pipeline.settled(server, 5), "five answers")
    answers = Counter((answer.data_type, answer.prediction) for answer in pipeline.scored())
    assert answers == {("wine", 5.0): 4, ("white", 8.0): 1}
    assert server.get("/state/wine")["usage"] == 4
    assert (server.get("/state/white")["name"], server.get("/state/white")["usage"]) == ("eight", 1)
    before = server.get("/state/wine")
    server.stop()
    assert server.returncode == 0, server.log()
    pipeline.send_wines(5)
    with pipeline.serve() as again:
        wait_until(pipeline.settled(again, 5), "five more")
        after = again.get("/state/wine")
        assert again.get("/models") == {"models": ["white", "wine"]}
        if pipeline.kind in KEPT:
            usage = 5 + KEPT[pipeline.kind]
            wait_until(lambda: again.get("/state/wine")["usage"] == usage, "what the store has kept, and five more")
    assert {name: after[name] for name in ("name", "description", "version")} == {
        name: before[name] for name in ("name", "description", "version")
    }
    assert [answer.offset for answer in pipeline.scored()] == list(range(10))


@wherever_models_go
def test_commands_move_models_from_slot_to_slot(pipeline: Pipeline, server: ServerProcess) -> None:
    """A shadow is compared and answers nobody; it is promoted, rolled back; all are retired; what cannot be is told."""
    pipeline.send_model(*published(BETTER))
    pipeline.wait_for_slots(server, "seven", "five", "-")
    pipeline.send_model(*published(replace(SIX, shadow_percent=100)), key=b"wine@shadow")
    pipeline.wait_for_slots(server, "seven", "five", "six")
    pipeline.send_wines(4)
    wait_until(lambda: compared(server) == 4, "the comparison")
    shadow = server.get("/state/wine")["shadow"]
    assert isinstance(shadow, dict)
    assert (shadow["equal"], shadow["mean_difference"], shadow["max_difference"], shadow["errors"]) == (0, 1, 1, 0)
    assert [answer.model_name for answer in pipeline.scored()] == ["seven"] * 4
    pipeline.command(Action.PROMOTE, SIX.digest)
    pipeline.wait_for_slots(server, "six", "seven", "-")
    pipeline.command(Action.PROMOTE, "ab" * 32)
    pipeline.command(Action.ROLL_BACK, BETTER.digest)
    pipeline.wait_for_slots(server, "seven", "six", "-")
    wait_until(lambda: len(pipeline.dead()) == 1, "the refusal")
    (letter,) = pipeline.dead()
    assert (letter.stage, letter.topic) == ("control", pipeline.topics.control)
    assert "abababababab" in letter.reason
    pipeline.command(Action.RETIRE)
    wait_until(lambda: server.get("/models") == {"models": []}, "the end of all models")
    pipeline.send_wines(1)
    wait_until(lambda: server.get("/state")["skipped"] == 1, "a skipped record")
    pipeline.command(Action.PROMOTE, GOOD.digest)
    pipeline.wait_for_slots(server, "five", "-", "-")


def compared(server: ServerProcess) -> int:
    """How many records the shadow has scored."""
    shadow = server.get("/state/wine")["shadow"]
    return int(shadow["compared"]) if isinstance(shadow, dict) else 0


@wherever_models_go
def test_a_killed_server_ends_where_one_that_ran_through_is(pipeline: Pipeline, server: ServerProcess) -> None:
    """Killed in the middle of promotions and rollbacks: after the replay, both have the same models in their slots.

    The second asks for the port of the first, gets another, and says which.
    """
    taken = server.url.rsplit(":", 1)[1]
    with pipeline.serve("--group", f"{pipeline.prefix}-through", "--port", taken) as through:
        assert through.url != server.url
        assert any(through.url in line for line in through.log())
        pipeline.send_model(*published(BETTER))
        pipeline.send_model(*published(replace(SIX, shadow_percent=30)), key=b"wine@shadow")
        pipeline.command(Action.PROMOTE, SIX.digest)
        pipeline.command(Action.ROLL_BACK, BETTER.digest)
        server.kill()
        pipeline.command(Action.SHADOW, GOOD.digest, 20)
        pipeline.command(Action.PROMOTE, SIX.digest)
        pipeline.wait_for_slots(through, "six", "seven", "five")
        with pipeline.serve() as again:
            pipeline.wait_for_slots(again, "six", "seven", "five")


@whatever_the_store
def test_a_model_by_reference_that_is_slow_to_come_holds_nothing_up(
    pipeline: Pipeline, tmp_path: Path, slow_host: SlowHost
) -> None:
    """What is allowed is fetched, from a folder or a host; nothing waits meanwhile, and a newer model serves next."""
    pipeline.send_model(*published(GOOD))
    (tmp_path / "six").write_bytes(SIX.data)
    with pipeline.serve("--model-root", str(tmp_path), "--model-host", slow_host.address) as server:
        pipeline.send_model(*published(by_reference(SIX, (tmp_path / "six").as_uri())))
        pipeline.wait_for_slots(server, "six", "five", "-")
        pipeline.send_model(*published(by_reference(replace(SIX, name="far"), Path(__file__).as_uri())))
        wait_until(lambda: server.get("/state")["models_refused"] == 1, "the refusal")
        slow_host.data = SLOW.data
        pipeline.send_model(*published(by_reference(SLOW, f"http://{slow_host.address}/slow")))
        slow_host.wait_until_asked()
        pipeline.send_wines(3)
        wait_until(pipeline.settled(server, 3), "answers while the model is on its way")
        pipeline.send_model(*published(BETTER), b"what comes next")
        wait_until(lambda: server.get("/state")["models_refused"] == 2, "the newer model, and what came after it")
        slow_host.answer()
        pipeline.wait_for_slots(server, "seven", "slow", "-")
        pipeline.send_wines(1)
        wait_until(pipeline.settled(server, 4), "an answer")
        assert server.get("/state")["swaps"] == 4
    assert [answer.model_name for answer in pipeline.scored()] == ["six"] * 3 + ["seven"]
    assert "outside of the folder" in pipeline.dead()[0].reason


@whatever_the_store
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_a_model_of_a_stranger_is_tried_in_a_process_of_its_own(pipeline: Pipeline) -> None:
    """With ``--trial``, a model that would take all memory ends with its own process, and the server serves on."""
    hungry = ModelDescriptor("hungry", "", "wine", ModelType.ONNX, hungry_onnx())
    pipeline.send_model(*published(GOOD))
    with pipeline.serve("--trial") as server:
        pipeline.send_model(*published(hungry))
        wait_until(lambda: len(pipeline.dead()) == 1, "the dead letter")
        assert "'hungry' wanted more than 2,048 MB" in pipeline.dead()[0].reason
        pipeline.send_wines(2)
        wait_until(pipeline.settled(server, 2), "two answers")
        assert pipeline.slots(server)[0] == "five"
