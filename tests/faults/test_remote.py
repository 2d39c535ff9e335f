"""A service that a model is asked at, killed under load: records wait for it, and each has exactly one answer."""

from __future__ import annotations

import json
from functools import partial

import pytest

from modelserving.records import ModelDescriptor, ModelType, encode_descriptor
from modelserving.system.ports import free_port
from modelserving.workshop.processes.child import ChildProcess
from tests.contract.servers import Pipeline
from tests.faults.test_faults import Load, assert_each_record_has_one_result, broker, load, pipeline
from tests.models.formats.remote.services import Service
from tests.waiting import wait_until

__all__ = ["broker", "load", "pipeline"]

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.mark.parametrize("pipeline", ["stage"], indirect=True)
def test_the_service_is_killed_under_load(pipeline: Pipeline, load: Load) -> None:
    """The server stands still while nobody answers, and goes on where it stood; no answer is lost or given twice.

    Told to stop while records wait, it ends by itself long before `wait_s`, and leaves them as they are.
    """
    port = free_port()
    described = {"remote": f"http://127.0.0.1:{port}", "model": "wine-random-forest-onnx", "wait_s": 120, "batch": 50}
    model = ModelDescriptor("far", "", "wine", ModelType.REMOTE, json.dumps(described).encode(), version="1")
    serve = partial(ChildProcess, ("serve", "model", "wine-random-forest-onnx", "--port", str(port)))
    with serve() as service:
        pipeline.send_model(encode_descriptor(model))
        with pipeline.serve("--model-host", f"127.0.0.1:{port}") as server:
            wait_until(lambda: server.get("/state")["name"] == "far", "the remote model")
            wait_until(lambda: pipeline.answered() > 100, "answers")
            service.kill()
            sent = load.sent
            wait_until(lambda: load.sent > sent + 200, "records that nobody answers")
            assert pipeline.answered() < load.sent
            with serve():
                load.finish()
                assert_each_record_has_one_result(pipeline, server)
            assert server.running
            before = pipeline.answered()
            with Service(lambda *_: (503, {}), port) as away:
                pipeline.send_wines(5)
                wait_until(lambda: away.asked, "records that wait")
                server.stop()
            assert server.returncode == 0
            assert pipeline.answered() == before
            assert pipeline.dead() == []
