"""A remote model: asked in either protocol, waited for while it is away, and nothing is made of a wrong answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from modelserving.errors import ModelFormatError, ModelRefused, ModelUnreachable
from modelserving.models.formats.remote.model import RemoteFactory, RemoteModel
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.fetch import NOTHING_ALLOWED, FetchPolicy
from modelserving.records import ModelDescriptor, ModelType
from modelserving.system.ports import free_port
from modelserving.system.stopping import StopWaiting, stoppable
from tests.models.formats.remote.services import Service, sum_v2

TWO = pa.RecordBatch.from_pydict({"a": [1.0, 2.0, 3.0], "b": [10.0, 20.0, 30.0]})


def description(url: str, **more: object) -> bytes:
    """What is published."""
    return json.dumps({"remote": url, "model": "m", "columns": ["a", "b"], "wait_s": 20, **more}).encode()


def test_columns_are_sent_by_name_and_type() -> None:
    """Open Inference Protocol: a tensor for each column, texts as BYTES; the answer may be labels."""

    def answer(_path: str, _asked: dict[str, Any]) -> tuple[int, object]:
        return 200, {"outputs": [{"name": "p", "shape": [2], "datatype": "BYTES", "data": ["yes", "no"]}]}

    records = pa.RecordBatch.from_pydict({"n": [1, 2], "w": ["dry", "wet"], "b": [True, False]})
    with Service(answer) as service:
        model = RemoteModel(description(service.url, columns={"w": "BYTES", "n": "INT64", "b": "BOOL"}, version="7"))
        scores = model.score(records)
        model.close()
    assert scores.labels is not None
    assert scores.labels.tolist() == ["yes", "no"]
    (path, asked) = service.asked[0]
    assert path == "/v2/models/m/versions/7/infer"
    assert asked["inputs"] == [
        {"name": "w", "shape": [2], "datatype": "BYTES", "data": ["dry", "wet"]},
        {"name": "n", "shape": [2], "datatype": "INT64", "data": [1, 2]},
        {"name": "b", "shape": [2], "datatype": "BOOL", "data": [True, False]},
    ]


def test_a_matrix_is_sent_as_one_tensor() -> None:
    """As MLServer's scikit-learn wants it; of several outputs the named one answers."""

    def answer(_path: str, _asked: dict[str, Any]) -> tuple[int, object]:
        other = {"name": "other", "shape": [3], "datatype": "INT64", "data": [0, 0, 0]}
        return 200, {"outputs": [other, {"name": "p", "shape": [3, 1], "datatype": "FP32", "data": [4, 5, 6]}]}

    with Service(answer) as service:
        scores = RemoteModel(description(service.url, tensor="x", output="p")).score(TWO)
    assert scores.values.tolist() == [4, 5, 6]
    (tensor,) = service.asked[0][1]["inputs"]
    assert tensor == {"name": "x", "shape": [3, 2], "datatype": "FP64", "data": [1, 10, 2, 20, 3, 30]}


def test_tensorflow_serving_is_asked_in_its_own_form() -> None:
    """Columns by name; predictions by column, or a list of them."""
    with Service(lambda *_: (200, {"outputs": [[5.0], [6.0], [7.0]]})) as service:
        scores = RemoteModel(description(service.url, protocol="tensorflow")).score(TWO)
    assert scores.values.tolist() == [5, 6, 7]
    assert service.asked == [("/v1/models/m:predict", {"inputs": {"a": [1, 2, 3], "b": [10, 20, 30]}})]


def test_a_batch_is_asked_for_in_parts() -> None:
    """No request is larger than the description says; the answers are in the order of the records."""
    with Service(sum_v2) as service:
        assert RemoteModel(description(service.url, batch=2)).score(TWO).values.tolist() == [11, 22, 33]
    assert [asked["inputs"][0]["data"] for _, asked in service.asked] == [[1, 2], [3]]


def test_what_is_refused_costs_only_itself() -> None:
    """The record that the service refuses has a problem, with the service's words; a missing value is not even sent."""
    records = pa.RecordBatch.from_pydict({"a": [1.0, 101.0, None, 4.0], "b": [1.0] * 4})
    with Service(sum_v2) as service:
        scores = RemoteModel(description(service.url)).score(records)
    assert scores.problems.keys() == {1, 2}
    assert "a number above 100" in scores.problems[1]
    assert scores.values[[0, 3]].tolist() == [2, 5]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((200, {"outputs": []}), "no output"),
        ((200, {"predictions": [1]}), "not of the protocol"),
        ((200, {"outputs": [{"name": "p", "shape": [3], "datatype": "FP64", "data": [1, 2, 3]}]}), "3 answers for"),
        ((404, {"error": "no such model"}), "no such model"),
        ((500, {}), "refuses, 500"),
    ],
)
def test_a_wrong_answer_is_no_answer(reply: tuple[int, object], said: str) -> None:
    """Nothing is guessed."""
    with Service(lambda *_: reply) as service:
        scores = RemoteModel(description(service.url)).score(TWO.slice(0, 2))
    assert scores.problems.keys() == {0, 1}
    assert all(said in problem for problem in scores.problems.values())


def test_a_service_that_is_overloaded_is_asked_again() -> None:
    """It says 503 twice; the batch is answered in the end, once."""
    statuses = iter([503, 429])
    with Service(lambda path, asked: (status, {}) if (status := next(statuses, 0)) else sum_v2(path, asked)) as service:
        assert RemoteModel(description(service.url)).score(TWO).values.tolist() == [11, 22, 33]
    assert len(service.asked) == 3


def test_a_service_that_starts_late_is_waited_for() -> None:
    """Nobody listens at first; the caller is held up, which holds up whoever feeds it."""
    port = free_port()
    found: list[float] = []
    model = RemoteModel(description(f"http://127.0.0.1:{port}"))
    asking = threading.Thread(target=lambda: found.extend(model.score(TWO).values), daemon=True)
    asking.start()
    while model.state == "closed" and asking.is_alive():
        asking.join(0.01)
    assert model.state != "closed"  # it has failed so often that nobody asks for a moment
    assert found == []
    with Service(sum_v2, port):
        asking.join(60)
    assert found == [11, 22, 33]
    assert model.state == "closed"


def test_a_service_that_stays_away_is_told_after_the_stated_time() -> None:
    """An error that is no fault of the records: they are not tried one by one."""
    model = RemoteModel(description(f"http://127.0.0.1:{free_port()}", wait_s=0.3))
    with pytest.raises(ModelUnreachable, match=r"away for 0\.3 s.*Is it running"):
        model.score(TWO)


@pytest.mark.parametrize("hangs", [False, True], ids=["nobody listens", "nobody answers"])
def test_whoever_is_told_to_stop_waits_no_longer(hangs: bool) -> None:
    """However long the description lets it wait; that is neither an answer nor an error of the records."""
    go_on = threading.Event()

    def answer(path: str, asked: dict[str, Any]) -> tuple[int, object]:
        go_on.wait(60)
        return sum_v2(path, asked)

    with Service(answer) as service:
        url = service.url if hangs else f"http://127.0.0.1:{free_port()}"
        model = RemoteModel(description(url, wait_s=3600, timeout_s=3600))
        assert stopped(model, lambda: bool(service.asked) if hangs else model.state != "closed") == [StopWaiting]
        model.close()
        go_on.set()


def stopped(model: RemoteModel, waits: Callable[[], bool]) -> list[type[BaseException]]:
    """How a batch ends whose scoring is stopped when it ``waits``."""
    stop = threading.Event()
    ended: list[type[BaseException]] = []

    def ask() -> None:
        try:
            with stoppable(stop):
                model.score(TWO)
        except BaseException as error:  # noqa: BLE001 - which it is, is the question
            ended.append(type(error))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    while not waits() and asking.is_alive():
        asking.join(0.01)
    stop.set()
    asking.join(60)
    return ended


def test_a_stranger_does_not_choose_whom_a_server_asks() -> None:
    """A host is asked only if its operator allows it, as for models by reference."""
    model = ModelDescriptor("far", "", "wine", ModelType.REMOTE, description("http://127.0.0.1:9"))
    with pytest.raises(ModelRefused, match=r"'far'.*127\.0\.0\.1:9 is not allowed"):
        NOTHING_ALLOWED.fetch(model)
    assert FetchPolicy(hosts=("127.0.0.1:9",)).fetch(model) is model


def test_it_is_checked_but_not_warmed_up() -> None:
    """Its golden records, or the probes, are one request; hundreds would warm an engine that is somewhere else."""
    with Service(sum_v2) as service:
        data = description(service.url, columns=["alcohol", "pH"])
        loaded = build_candidate(ModelDescriptor("m", "", "wine", ModelType.REMOTE, data))
        loaded.close()
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"remote": "ftp://x"}, "http://host:port"),
        ({"remote": "http://me:secret@x"}, "no password"),
        ({"model": ""}, "'model'"),
        ({"protocol": "grpc"}, "'grpc'"),
        ({"columns": {}}, "at least one"),
        ({"columns": {"a": "FLOAT"}}, "'FLOAT'"),
        ({"columns": {"a": "FP64", "b": "BYTES"}, "tensor": "x"}, "of one type"),
        ({"timeout_s": 0}, "'timeout_s'"),
        ({"wait_s": True}, "'wait_s'"),
        ({"batch": 1.5}, "whole number"),
        ({"tumeout_s": 1}, "'tumeout_s'"),
    ],
)
def test_a_description_that_cannot_be_followed_is_refused(change: dict[str, object], said: str) -> None:
    """The message names the field."""
    with pytest.raises(ModelFormatError, match=said):
        RemoteModel(json.dumps({"remote": "http://x", "model": "m", **change}).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"{", b"[" * 100_000])
def test_what_is_no_description_is_refused(data: bytes) -> None:
    """Whatever the bytes are."""
    with pytest.raises(ModelFormatError, match="JSON object"):
        RemoteModel(data)


def test_a_file_is_known_by_its_first_field() -> None:
    """`models publish FILE` finds out what it is."""
    assert RemoteFactory().begins(b'{\n  "remote": "http://')
    assert not RemoteFactory().begins(b'{"model": ')
