"""Models behind HTTP, without Kafka: the Open Inference Protocol (v2), and TensorFlow Serving's REST form.

So this server can stand in for MLServer, Triton, KServe or TensorFlow Serving, and they for it. One request is one
batch, and is answered as a whole: neither protocol has a word for a record without an answer, so one such fails it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from modelserving import __version__
from modelserving.errors import ModelError, ModelInputError, RecordError
from modelserving.models.model import Model
from modelserving.monitoring.metrics import Exposition
from modelserving.web.app import add_metrics, begin_app
from modelserving.web.page import PageState, PageTable, add_page
from modelserving.web.tensors import describe_outputs, read_instances, read_tensors, write_predictions, write_tensors

_ASKED = ("requests", "records", "refused")


@dataclass(frozen=True, slots=True)
class InferenceModel:
    """A model that is served over HTTP. Its engine is called by one request at a time.

    Args:
        model: the model.
        platform: its format.
        version: of the model.
    """

    model: Model
    platform: str
    version: str = "1"
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked: Counter[str] = field(default_factory=Counter)
    """Requests, the records in them, and those of the requests that had no answer."""

    def score(self, records: Any) -> Any:
        """Score a batch.

        Raises:
            HTTPException: 400 where the records do not fit, or one of them has no answer; 500 where the engine failed.
        """
        with self.lock:
            self.asked.update(requests=1, records=len(records), refused=1)
            try:
                scores = self.model.score(records)
            except (ModelInputError, RecordError) as error:
                raise HTTPException(400, str(error)) from error
            except ModelError as error:
                raise HTTPException(500, str(error)) from error
            self.asked["refused"] -= not scores.problems
        if scores.problems:
            row, reason = next(iter(sorted(scores.problems.items())))
            raise HTTPException(400, f"record {row} of {len(records)} has no answer: {reason}.")
        return scores


def make_inference_app(models: Mapping[str, InferenceModel]) -> FastAPI:
    """Make the application.

    Args:
        models: by name.
    """
    app = begin_app(
        "Models over HTTP", description="The Open Inference Protocol, version 2, and TensorFlow Serving's REST form."
    )
    add_page(app, lambda: _show(models))
    _add_errors(app)
    _add_v2(app, models)
    _add_tensorflow(app, models)
    add_metrics(app, Exposition())  # Prometheus finds it as it finds the others
    return app


def _show(models: Mapping[str, InferenceModel]) -> PageState:
    """What the page shows: the models, and how often each was asked."""
    counted = sum((model.asked for model in models.values()), Counter[str]())
    rows = [
        [name, one.version, one.platform, ", ".join(one.model.inputs), *(f"{one.asked[what]}" for what in _ASKED)]
        for name, one in models.items()
    ]
    return PageState(
        title="Models over HTTP",
        ok=True,
        phase="serving",
        numbers={what: counted[what] for what in _ASKED},
        rates=["records"],
        tables=[PageTable(title="Models", columns=["model", "version", "format", "takes", *_ASKED], rows=rows)],
    )


def _add_errors(app: FastAPI) -> None:
    """Both protocols have an object with one field, ``error``."""

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": str(error.detail)}, error.status_code)

    @app.exception_handler(404)
    async def unknown(request: Request, error: Exception) -> Response:
        detail = str(getattr(error, "detail", "")) or "Not Found"
        said = f"there is nothing at {request.url.path}. See /docs." if detail == "Not Found" else detail
        return JSONResponse({"error": said}, 404)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return JSONResponse({"error": f"the request is malformed: {where or 'its body'}: {first['msg']}."}, 400)


def _find(models: Mapping[str, InferenceModel], name: str, version: str = "") -> InferenceModel:
    found = models.get(name)
    if found is None:
        raise HTTPException(404, f"there is no model {name!r}. Known: {', '.join(models)}.")
    if version and version != found.version:
        raise HTTPException(404, f"model {name!r} has no version {version!r}. Known: {found.version}.")
    return found


def _add_v2(app: FastAPI, models: Mapping[str, InferenceModel]) -> None:
    @app.get("/v2/health/live", summary="Whether the server lives")
    def live() -> dict[str, bool]:
        return {"live": True}

    @app.get("/healthz", summary="The same, where the other servers say it")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v2/health/ready", summary="Whether all models can be asked")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.get("/v2", summary="What this server is")
    def about() -> dict[str, Any]:
        return {"name": "modelserving", "version": __version__, "extensions": []}

    for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        _add_model(app, models, path)


def _add_model(app: FastAPI, models: Mapping[str, InferenceModel], path: str) -> None:
    @app.get(path, summary="What a model takes and gives")
    def metadata(name: str, version: str = "") -> dict[str, Any]:
        found = _find(models, name, version)
        columns = getattr(found.model, "columns", ())
        types = {column.name: str(column.type) for column in columns}
        return {
            "name": name,
            "versions": [found.version],
            "platform": found.platform,
            **describe_outputs(found.model.inputs, types),
        }

    @app.get(f"{path}/ready", summary="Whether a model can be asked")
    def model_ready(name: str, version: str = "") -> dict[str, Any]:
        _find(models, name, version)
        return {"name": name, "ready": True}

    # Not `async`: an engine blocks, so it waits in a thread of its own.
    @app.post(f"{path}/infer", summary="Ask a model")
    def infer(body: dict[str, Any], name: str, version: str = "") -> dict[str, Any]:
        found = _find(models, name, version)
        try:
            records = read_tensors(body.get("inputs"), found.model.inputs)
            outputs = write_tensors(found.score(records), body.get("outputs"))
        except RecordError as error:
            raise HTTPException(400, str(error)) from error
        answer = {"model_name": name, "model_version": found.version, "outputs": outputs}
        return {**answer, "id": body["id"]} if "id" in body else answer


def _add_tensorflow(app: FastAPI, models: Mapping[str, InferenceModel]) -> None:
    @app.get("/v1/models/{name}", summary="Whether a model can be asked, as TensorFlow Serving says it")
    def status(name: str) -> dict[str, Any]:
        found = _find(models, name)
        said = {"version": found.version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        return {"model_version_status": [said]}

    for path in ("/v1/models/{name}:predict", "/v1/models/{name}/versions/{version}:predict"):

        @app.post(path, summary="Ask a model, in the form of TensorFlow Serving")
        def predict(body: dict[str, Any], name: str, version: str = "") -> dict[str, Any]:
            found = _find(models, name, version)
            try:
                records = read_instances(body, found.model.inputs)
            except RecordError as error:
                raise HTTPException(400, str(error)) from error
            return write_predictions(found.score(records), by_row="instances" in body)
