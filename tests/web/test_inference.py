"""Models over HTTP: Open Inference Protocol and TensorFlow Serving's REST form; errors as the protocols say."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from modelserving.errors import ModelInputError, ScoringError
from modelserving.models.model import Scores
from modelserving.records import Column, ColumnType
from modelserving.web.inference import InferenceModel, make_inference_app


class Tariff:
    """Answers hours times a price by kind; has no answer for a kind that it does not know."""

    inputs = ("kind", "hours")
    columns = (Column("kind", ColumnType.STRING), Column("hours"))

    def score(self, records: Any) -> Scores:
        """Score a batch."""
        if missing := set(self.inputs) - set(records.schema.names):
            raise ModelInputError(f"the model wants {min(missing)!r}.")
        kinds, hours = (records.column(records.schema.names.index(name)).to_pylist() for name in self.inputs)
        if -1 in hours:
            raise ScoringError("the engine failed.")
        prices = [{"bike": 2.0, "car": 9.0}.get(kind) for kind in kinds]
        values = np.array([np.nan if p is None else p * h for p, h in zip(prices, hours, strict=True)])
        problems = {row: f"no price for {kinds[row]!r}" for row, price in enumerate(prices) if price is None}
        return Scores(values, problems, outputs={"doubled": values * 2})

    def to_bytes(self) -> bytes:
        """Nothing."""
        return b""

    def close(self) -> None:
        """Nothing is held."""


class Line:
    """Answers the sum, as a label."""

    inputs = ("a", "b")

    def score(self, records: Any) -> Scores:
        """Score a batch."""
        values = np.sum([column.to_numpy() for column in records.columns], axis=0)
        return Scores(values, labels=np.array([f"sum {value:g}" for value in values], dtype=object))

    to_bytes, close = Tariff.to_bytes, Tariff.close


class Web:
    """A client of an application, with no socket between them."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, **more)

    def get(self, path: str) -> httpx.Response:
        """Read."""
        return anyio.run(self._ask, "GET", path)

    def post(self, path: str, json: object) -> httpx.Response:
        """Ask."""
        return anyio.run(partial(self._ask, "POST", path, json=json))


@pytest.fixture(scope="module")
def web() -> Web:
    """A client of a server with both models."""
    return Web(
        make_inference_app({"tariff": InferenceModel(Tariff(), "pmml", "3"), "line": InferenceModel(Line(), "onnx")})
    )


def tensor(name: str, kind: str, *values: object, shape: list[int] | None = None) -> dict[str, Any]:
    """A tensor of a request."""
    return {"name": name, "shape": shape or [len(values)], "datatype": kind, "data": list(values)}


def infer(web: Web, *inputs: dict[str, Any], model: str = "tariff", **more: object) -> Any:
    """Ask in the form of the Open Inference Protocol."""
    return web.post(f"/v2/models/{model}/infer", json={"inputs": list(inputs), **more})


def test_a_server_says_that_it_lives_and_what_it_has(web: Web) -> None:
    """Health, and each model's metadata with the types of its columns."""
    assert web.get("/v2/health/live").json() == {"live": True}
    assert web.get("/v2/health/ready").json() == {"ready": True}
    assert web.get("/v2/models/tariff/versions/3/ready").json() == {"name": "tariff", "ready": True}
    said = web.get("/v2/models/tariff").json()
    assert (said["name"], said["versions"], said["platform"]) == ("tariff", ["3"], "pmml")
    assert [(one["name"], one["datatype"]) for one in said["inputs"]] == [("kind", "BYTES"), ("hours", "FP64")]


def test_prometheus_finds_what_it_looks_for(web: Web) -> None:
    """It is in the file by which Prometheus finds servers: without this path it would be taken for one that is down."""
    assert "process_resident_memory_bytes" in web.get("/metrics").text


def test_typed_columns_are_asked_by_name(web: Web) -> None:
    """Texts are BYTES; the answer comes first, then the named outputs; the id comes back."""
    answer = infer(web, tensor("hours", "INT32", 2, 3), tensor("kind", "BYTES", "bike", "car"), id="q1").json()
    assert answer == {
        "model_name": "tariff",
        "model_version": "3",
        "id": "q1",
        "outputs": [tensor("predict", "FP64", 4.0, 27.0), tensor("doubled", "FP64", 8.0, 54.0)],
    }
    named = infer(web, tensor("hours", "FP64", 1.5), tensor("kind", "BYTES", "bike"), outputs=[{"name": "doubled"}])
    assert named.json()["outputs"] == [tensor("doubled", "FP64", 6.0)]


def test_a_matrix_has_the_columns_in_the_models_order(web: Web) -> None:
    """Flat or nested, as the protocol allows; labels come as BYTES."""
    flat = infer(web, tensor("x", "FP32", 1, 2, 3, 4, shape=[2, 2]), model="line").json()
    nested = infer(web, tensor("x", "FP32", [1, 2], [3, 4], shape=[2, 2]), model="line").json()
    assert flat["outputs"] == nested["outputs"] == [tensor("predict", "BYTES", "sum 3", "sum 7")]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"instances": [{"kind": "bike", "hours": 2}, {"kind": "car", "hours": 1}]}, {"predictions": [4.0, 9.0]}),
        ({"instances": [["bike", 2.0]]}, {"predictions": [4.0]}),
        ({"inputs": {"kind": ["car"], "hours": [2.0]}}, {"outputs": [18.0]}),
    ],
    ids=["rows", "rows by position", "columns"],
)
def test_tensorflow_serving_s_form_is_understood(web: Web, body: object, answer: object) -> None:
    """By row there are predictions, by column outputs."""
    assert web.post("/v1/models/tariff:predict", json=body).json() == answer
    assert web.get("/v1/models/tariff").json()["model_version_status"][0]["state"] == "AVAILABLE"


HOURS, KIND = tensor("hours", "FP64", 1.0), tensor("kind", "BYTES", "bike")


@pytest.mark.parametrize(
    ("status", "said", "path", "body"),
    [
        (404, "no model 'x'. Known: tariff, line", "/v2/models/x/infer", {"inputs": [HOURS]}),
        (404, "no version '4'. Known: 3", "/v2/models/tariff/versions/4/infer", {"inputs": [HOURS]}),
        (404, "nothing at /v2/model", "/v2/model", {}),
        (400, "no 'inputs'", "/v2/models/tariff/infer", {}),
        (400, "wants 'hours'", "/v2/models/tariff/infer", {"inputs": [KIND]}),
        (400, "datatype 'FLOAT'", "/v2/models/tariff/infer", {"inputs": [{**HOURS, "datatype": "FLOAT"}, KIND]}),
        (400, "shape [2]", "/v2/models/tariff/infer", {"inputs": [{**HOURS, "shape": [2]}, KIND]}),
        (400, "a value of it is not", "/v2/models/tariff/infer", {"inputs": [{**HOURS, "data": ["one"]}, KIND]}),
        (400, "different lengths", "/v2/models/tariff/infer", {"inputs": [tensor("hours", "FP64", 1.0, 2.0), KIND]}),
        (400, "3 columns", "/v2/models/line/infer", {"inputs": [tensor("x", "FP64", 1, 2, 3, shape=[1, 3])]}),
        (400, "no price for 'boat'", "/v2/models/tariff/infer", {"inputs": [HOURS, tensor("kind", "BYTES", "boat")]}),
        (400, "no output 'z'", "/v2/models/tariff/infer", {"inputs": [HOURS, KIND], "outputs": [{"name": "z"}]}),
        (500, "engine failed", "/v2/models/tariff/infer", {"inputs": [tensor("hours", "FP64", -1.0), KIND]}),
        (400, "neither 'instances'", "/v1/models/tariff:predict", {}),
        (400, "2 values, in this order", "/v1/models/tariff:predict", {"instances": [[1, 2, 3]]}),
        (400, "at least one record", "/v1/models/tariff:predict", {"instances": []}),
        (400, "malformed", "/v1/models/tariff:predict", []),
    ],
)
def test_what_is_wrong_is_said_in_the_protocol_s_form(
    web: Web, status: int, said: str, path: str, body: object
) -> None:
    """One field, ``error``, which names what is wrong; 404 for what is not there, 500 for the engine."""
    answer = web.post(path, json=body)
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}
    assert said in answer.json()["error"]


def test_its_page_shows_what_was_asked_and_what_was_refused() -> None:
    """Each model with what it takes; a request that had no answer, for whatever reason, is counted as refused."""
    web = Web(make_inference_app({"tariff": InferenceModel(Tariff(), "pmml", "3")}))
    assert "<title>modelserving</title>" in web.get("/").text
    infer(web, tensor("kind", "BYTES", "bike", "car"), tensor("hours", "FP64", 1.0, 2.0))
    for kind, hours in (("bus", 1.0), ("car", -1.0)):
        infer(web, tensor("kind", "BYTES", kind), tensor("hours", "FP64", hours))
    made = web.get("/snapshot").json()
    assert (made["title"], made["numbers"]) == ("Models over HTTP", {"requests": 3, "records": 4, "refused": 2})
    assert made["tables"][0]["rows"] == [["tariff", "3", "pmml", "kind, hours", "3", "4", "2"]]
